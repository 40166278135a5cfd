//! What the headers say, for a person.
use super::report::cut;
use super::value::{kind, text};
use super::{Inspect, Inspected};
use crate::failure::Result;
use crate::output::{Output, shortened};
use crate::session::Opened;
use crate::units::{bytes, bytes_exact, grouped, many, plural, shape};
use weighbridge::model::{LayerRun, MemoryEstimate, Totals};
use weighbridge::{MetadataEntry, TensorInfo, escape};

/// Characters of a value or a name.
const WIDTH: usize = 72;
/// Rows of the layers' table; `--full` shows the rest.
const LAYERS: usize = 40;

impl Inspect {
    pub(super) fn show(&self, opened: &Opened, model: &Inspected, output: &mut Output) -> Result<()> {
        let (name, rest) = opened.headline();
        output.headline(&name, &rest)?;
        if !model.findings.is_empty() {
            output.title("Findings")?;
            let findings = model.findings.iter();
            let rows = findings.map(|f| vec![f.severity.name().to_owned(), escape(&f.rule), one_line(&f.message)]);
            output.table(&["severity", "rule", "what"], rows)?;
        }
        let files = opened.session.files();
        if files.len() > 1 {
            output.title("Files")?;
            let rows = files.iter().zip(0u32..).map(|(file, index)| {
                let tensors = model.tensors.iter().filter(|(_, tensor)| tensor.source == index).count();
                vec![index.to_string(), escape(&file.name), bytes(file.size), grouped(tensors as u64)]
            });
            output.table(&[">", "file", ">size", ">tensors"], rows)?;
        }
        self.metadata(&model.metadata, files.len() > 1, output)?;
        output.title("Size")?;
        output.facts(&facts(&model.totals, &model.memory))?;
        self.layers(&model.totals, output)?;
        if self.no_tensors { Ok(()) } else { tensors(&model.tensors, files.len() > 1, output) }
    }

    fn metadata(&self, metadata: &[MetadataEntry], many: bool, output: &mut Output) -> Result<()> {
        if metadata.is_empty() {
            return Ok(());
        }
        output.title("Metadata")?;
        let rows = metadata.iter().map(|entry| {
            let value = text(&entry.value);
            let value = if self.full { value } else { shortened(&value, WIDTH) };
            let mut row = vec![shortened(&escape(&entry.key), WIDTH), kind(entry), value];
            if many {
                row.insert(0, entry.source.to_string());
            }
            row
        });
        let columns = if many { &[">file", "key", "type", "value"][..] } else { &["key", "type", "value"] };
        output.table(columns, rows)?;
        for shortened in cut(metadata).iter().filter(|_| self.full) {
            let (elements, shown) = (grouped(shortened.elements), grouped(shortened.shown as u64));
            let key = escape(shortened.key);
            output.note(&format!("{key} has {elements} elements; the first {shown} are shown"))?;
        }
        Ok(())
    }

    fn layers(&self, totals: &Totals, output: &mut Output) -> Result<()> {
        let runs = totals.runs();
        if runs.len() < 2 {
            return Ok(());
        }
        output.title("Layers")?;
        let most = if self.full { usize::MAX } else { LAYERS };
        let rows = runs.iter().take(most).map(|run| {
            let (layers, each) = (run.layers(), run.each);
            let total = each.bytes.saturating_mul(layers);
            let of_each = if layers > 1 { bytes(each.bytes) } else { String::new() };
            let parameters = each.parameters.saturating_mul(layers);
            vec![run_name(run), grouped(each.tensors.saturating_mul(layers)), many(parameters), bytes(total), of_each]
        });
        output.table(&["layers", ">tensors", ">parameters", ">size", ">each"], rows)?;
        let left = runs.len().saturating_sub(most) as u64 + u64::from(totals.unlisted.tensors > 0);
        if left > 0 {
            output.note(&format!(" and more ({}); --full shows those that are listed", plural(left, "row")))?;
        }
        Ok(())
    }
}

/// `blk.0 … blk.31`
fn run_name(run: &LayerRun) -> String {
    let stem = escape(&run.stem);
    let one = |number| if stem.is_empty() { format!("{number}") } else { format!("{stem}.{number}") };
    let name = match run.numbers {
        None => stem,
        Some((first, last)) if first == last => one(first),
        Some((first, last)) => format!("{} … {last}", one(first)),
    };
    shortened(&name, WIDTH)
}

fn facts(totals: &Totals, memory: &MemoryEstimate) -> Vec<(&'static str, String)> {
    let all = totals.all;
    let mut facts = vec![("parameters", format!("{} ({})", many(all.parameters), grouped(all.parameters)))];
    let types = totals.dtypes.iter().map(|total| {
        let tensors = plural(total.sum.tensors, "tensor");
        format!("{}: {tensors}, {}", escape(&total.dtype), bytes(total.sum.bytes))
    });
    facts.push(("weights", bytes_exact(all.bytes)));
    facts.push(("types", types.collect::<Vec<_>>().join("; ")));
    let cache = match (memory.cache, &memory.unknown) {
        (Some(cache), _) => {
            let most = if cache.at_most { "at most " } else { "" };
            let token = format!("{most}{} for each token", bytes(cache.token_bytes));
            let longest = cache.longest.map_or_else(String::new, |n| format!("; made for up to {} tokens", grouped(n)));
            match (cache.context, cache.bytes) {
                (Some(context), Some(all)) => {
                    format!(
                        "{most}{} for {} tokens of 16-bit elements ({token}{longest})",
                        bytes(all),
                        grouped(context)
                    )
                }
                _ => format!("{token} of 16-bit elements{longest}; --context N adds it up"),
            }
        }
        (None, why) => format!("not estimated: {}", escape(why.as_deref().unwrap_or("nothing tells it"))),
    };
    facts.push(("KV cache", cache));
    if let Some(total) = memory.total() {
        facts.push((
            "memory",
            format!("{} for weights and cache; an engine needs room for its work beside it", bytes(total)),
        ));
    }
    facts
}

fn tensors(tensors: &[(u32, TensorInfo)], many: bool, output: &mut Output) -> Result<()> {
    output.title("Tensors")?;
    let rows = tensors.iter().map(|(index, tensor)| {
        let mut row = vec![
            index.to_string(),
            shortened(&escape(&tensor.name), WIDTH),
            escape(&tensor.dtype),
            shape(&tensor.shape),
            bytes(tensor.bytes),
            tensor.offset.to_string(),
        ];
        if many {
            row.push(tensor.source.to_string());
        }
        row
    });
    let columns = [">#", "name", "dtype", "shape", ">size", ">offset", ">file"];
    output.table(if many { &columns } else { &columns[..6] }, rows)
}

/// A sentence of the guest's, which has escaped the names in it, on one line.
fn one_line(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use weighbridge::model::Sum;

    #[test]
    fn runs_have_names() {
        let run = |stem: &str, numbers| run_name(&LayerRun { stem: stem.to_owned(), numbers, each: Sum::default() });
        assert_eq!(run("blk", Some((0, 31))), "blk.0 … 31");
        assert_eq!(run("blk", Some((7, 7))), "blk.7");
        assert_eq!((run("", Some((7, 7))), run("output", None)), ("7".to_owned(), "output".to_owned()));
    }
}
