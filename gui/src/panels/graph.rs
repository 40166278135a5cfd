//! A machine's table as a picture: laid out once, then drawn from the cache.
use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir};
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use std::collections::BTreeMap;
use weighbridge_core::types::MachineTable;

/// States beyond which no picture is made: it would be slow and say nothing.
const MOST_STATES: usize = 80;

/// Routes between them, for the same reason.
const MOST_ARROWS: usize = 240;

/// A state.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its name.
    pub(super) name: String,
    /// Where it is.
    pub(super) rect: Rect,
    /// Rows of the table that stay in it.
    pub(super) own: Vec<usize>,
}

/// Every row of the table between two states.
#[derive(Clone, Debug)]
pub(super) struct Arrow {
    /// From.
    pub(super) from: String,
    /// To.
    pub(super) to: String,
    /// Its route.
    pub(super) points: Vec<Pos2>,
    /// Where its label is.
    pub(super) label_at: Pos2,
    /// The events.
    pub(super) label: String,
    /// Rows of the table.
    pub(super) rows: Vec<usize>,
}

/// A machine, laid out.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    /// States.
    pub(super) nodes: Vec<Node>,
    /// What is between them.
    pub(super) arrows: Vec<Arrow>,
    /// How big it is.
    pub(super) size: Vec2,
    /// Whether it was too big to lay out.
    pub(super) too_big: bool,
}

fn short(text: &str, most: usize) -> String {
    let text = crate::text::escape(text);
    if text.chars().count() <= most { text } else { text.chars().take(most - 1).chain(['…']).collect() }
}

#[allow(clippy::cast_precision_loss)]
fn width(text: &str, per_char: f64) -> f64 {
    text.chars().count() as f64 * per_char
}

#[allow(clippy::cast_possible_truncation)]
fn at(x: f64, y: f64) -> Pos2 {
    pos2(x as f32, y as f32)
}

/// Lays a table out, downwards or to the right.
#[must_use]
pub(super) fn picture(table: &MachineTable, right: bool) -> Picture {
    let mut states: Vec<&str> = vec![&table.initial];
    let mut between: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, row) in table.rows.iter().enumerate() {
        for state in [row.source.as_str(), row.target.as_str()] {
            if !states.contains(&state) {
                states.push(state);
            }
        }
        if states.len() > MOST_STATES {
            return Picture { too_big: true, ..Picture::default() };
        }
        between.entry((&row.source, &row.target)).or_default().push(i);
        if between.len() > MOST_ARROWS {
            return Picture { too_big: true, ..Picture::default() };
        }
    }
    // The layout turns some edges round for a while: where two states lead to each other it needs room for both.
    let mut graph: Graph<NodeLabel, EdgeLabel> =
        Graph::with_options(GraphOptions { directed: true, multigraph: true, compound: false });
    for state in &states {
        let size = (width(&short(state, 26), 7.2) + 34.0).max(84.0);
        graph.set_node((*state).to_owned(), Some(NodeLabel { width: size, height: 36.0, ..NodeLabel::default() }));
    }
    let label = |rows: &[usize]| {
        let mut events: Vec<String> = Vec::new();
        for &i in rows {
            let event = short(&table.rows[i].event, 22);
            if !events.contains(&event) {
                events.push(event);
            }
        }
        let more = if events.len() > 2 { format!(" +{}", events.len() - 2) } else { String::new() };
        format!("{}{more}", events.into_iter().take(2).collect::<Vec<_>>().join(", "))
    };
    for ((from, to), rows) in between.iter().filter(|((a, b), _)| a != b) {
        let size = width(&label(rows), 5.6) + 30.0;
        let edge = EdgeLabel { width: size, height: 16.0, ..EdgeLabel::default() };
        graph.set_edge((*from).to_owned(), (*to).to_owned(), Some(edge), None);
    }
    let options = LayoutOptions {
        rankdir: if right { RankDir::LR } else { RankDir::TB },
        nodesep: 26.0,
        edgesep: 14.0,
        ranksep: 30.0,
        marginx: 14.0,
        marginy: 14.0,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    let mut out = Picture::default();
    for state in &states {
        let Some(node) = graph.node(state) else { continue };
        let center = at(node.x.unwrap_or(0.0), node.y.unwrap_or(0.0));
        #[allow(clippy::cast_possible_truncation)]
        let rect = Rect::from_center_size(center, vec2(node.width as f32, node.height as f32));
        out.size = out.size.max(rect.max.to_vec2());
        let own = between.get(&(*state, *state)).cloned().unwrap_or_default();
        out.nodes.push(Node { name: (*state).to_owned(), rect, own });
    }
    for ((from, to), rows) in between.iter().filter(|((a, b), _)| a != b) {
        let Some(edge) = graph.edge(from, to, None) else { continue };
        let points: Vec<Pos2> = edge.points.iter().map(|p| at(p.x, p.y)).collect();
        for p in &points {
            out.size = out.size.max(p.to_vec2());
        }
        let middle = points.get(points.len() / 2).copied().unwrap_or_default();
        let label_at = match (edge.x, edge.y) {
            (Some(x), Some(y)) => at(x, y),
            _ => middle,
        };
        #[allow(clippy::cast_possible_truncation)]
        let reach = vec2(edge.width as f32 / 2.0, 8.0);
        out.size = out.size.max(label_at.to_vec2() + reach);
        let (from, to) = ((*from).to_owned(), (*to).to_owned());
        out.arrows.push(Arrow { from, to, points, label_at, label: label(rows), rows: rows.clone() });
    }
    out.size += Vec2::splat(14.0);
    out
}

/// A smooth line through the middles of a route.
#[must_use]
pub(super) fn smooth(points: &[Pos2]) -> Vec<Pos2> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let mut out = vec![points[0]];
    for (i, trio) in points.windows(3).enumerate() {
        let last = i + 3 == points.len();
        let (from, to) =
            (out.last().copied().unwrap_or(trio[0]), if last { trio[2] } else { trio[1].lerp(trio[2], 0.5) });
        for step in 1..=8u8 {
            let t = f32::from(step) / 8.0;
            let a = from.lerp(trio[1], t);
            let b = trio[1].lerp(to, t);
            out.push(a.lerp(b, t));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_arrow_has_a_place() {
        for table in crate::demo::tables() {
            let picture = picture(&table, false);
            assert!(!picture.too_big && picture.size.x > 50.0);
            for (i, a) in picture.nodes.iter().enumerate() {
                for b in &picture.nodes[i + 1..] {
                    assert!(!a.rect.intersects(b.rect), "{} lies on {}", a.name, b.name);
                }
            }
            assert!(picture.arrows.iter().all(|a| a.points.len() >= 2));
            let pairs: std::collections::BTreeSet<_> =
                table.rows.iter().filter(|r| r.source != r.target).map(|r| (&r.source, &r.target)).collect();
            assert_eq!(picture.arrows.len(), pairs.len(), "{}", table.machine);
        }
    }
}
