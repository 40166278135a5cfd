//! Paints what egui shows into memory, without a window or a graphics driver: for scripts without a display, and for tests.
//! Triangles, one after the other, with the font texture; what it lacks in speed it has in being the same everywhere.
use egui::epaint::{ImageData, ImageDelta, Primitive, Vertex};
use egui::{ClippedPrimitive, Color32, ColorImage, TextureFilter, TextureId, TexturesDelta};
use std::collections::HashMap;

/// Textures that egui gave so far.
#[derive(Default)]
pub struct Raster {
    textures: HashMap<TextureId, ColorImage>,
    linear: bool,
}

impl Raster {
    /// Takes textures that came or changed; epaint wants to know that it was done.
    pub fn update(&mut self, mut delta: TexturesDelta) {
        for (id, deltas) in &delta.set {
            for delta in deltas {
                self.set(*id, delta);
            }
        }
        for id in &delta.free {
            self.textures.remove(id);
        }
        delta.clear();
    }

    fn set(&mut self, id: TextureId, delta: &ImageDelta) {
        self.linear = delta.options.magnification == TextureFilter::Linear;
        let ImageData::Color(image) = &delta.image;
        let Some([x0, y0]) = delta.pos else {
            self.textures.insert(id, (**image).clone());
            return;
        };
        let Some(texture) = self.textures.get_mut(&id) else { return };
        let [width, height] = image.size;
        for y in 0..height {
            let to = (y0 + y) * texture.size[0] + x0;
            let from = y * width;
            if let Some(row) = texture.pixels.get_mut(to..to + width) {
                row.copy_from_slice(&image.pixels[from..from + width]);
            }
        }
    }

    /// Paints.
    #[must_use]
    pub fn paint(&self, primitives: &[ClippedPrimitive], size: [usize; 2], scale: f32, clear: Color32) -> ColorImage {
        let mut image = ColorImage::filled(size, clear);
        for ClippedPrimitive { clip_rect, primitive } in primitives {
            let Primitive::Mesh(mesh) = primitive else { continue };
            let texture = self.textures.get(&mesh.texture_id);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let pixel = |v: f32, most: usize| ((v * scale).round().max(0.0) as usize).min(most);
            let clip = [
                pixel(clip_rect.min.x, size[0]),
                pixel(clip_rect.min.y, size[1]),
                pixel(clip_rect.max.x, size[0]),
                pixel(clip_rect.max.y, size[1]),
            ];
            for triangle in mesh.indices.chunks_exact(3) {
                let corner = |i: usize| mesh.vertices.get(triangle[i] as usize).copied();
                if let (Some(a), Some(b), Some(c)) = (corner(0), corner(1), corner(2)) {
                    self.triangle(&mut image, clip, scale, texture, [a, b, c]);
                }
            }
        }
        image
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    fn triangle(
        &self,
        image: &mut ColorImage,
        clip: [usize; 4],
        scale: f32,
        texture: Option<&ColorImage>,
        mut v: [Vertex; 3],
    ) {
        for corner in &mut v {
            corner.pos = (corner.pos.to_vec2() * scale).to_pos2();
        }
        let area = |a: egui::Pos2, b: egui::Pos2, p: egui::Pos2| (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
        if area(v[0].pos, v[1].pos, v[2].pos) < 0.0 {
            v.swap(1, 2);
        }
        let whole = area(v[0].pos, v[1].pos, v[2].pos);
        if whole <= f32::EPSILON {
            return;
        }
        let (xs, ys) = (v.map(|c| c.pos.x), v.map(|c| c.pos.y));
        let least = |a: [f32; 3], clip: usize| (a[0].min(a[1]).min(a[2]).floor().max(0.0) as usize).max(clip);
        let most = |a: [f32; 3], clip: usize| (a[0].max(a[1]).max(a[2]).ceil().max(0.0) as usize).min(clip);
        // An edge that two triangles share belongs to one of them, or translucent shapes would show a seam.
        let owns = |a: egui::Pos2, b: egui::Pos2| (a.y == b.y && b.x > a.x) || b.y < a.y;
        let edges = [(v[1].pos, v[2].pos), (v[2].pos, v[0].pos), (v[0].pos, v[1].pos)];
        let weights = |x: usize, y: usize| {
            let p = egui::pos2(x as f32 + 0.5, y as f32 + 0.5);
            edges.map(|(a, b)| area(a, b, p))
        };
        let inside = |w: [f32; 3]| (0..3).all(|i| w[i] > 0.0 || (w[i] == 0.0 && owns(edges[i].0, edges[i].1)));
        // Most of a picture is areas of one colour: those need one look at the texture and no mixing.
        let flat = v.iter().all(|c| c.color == v[0].color && c.uv == v[0].uv).then(|| {
            let color = v[0].color.to_array().map(|c| f32::from(c) / 255.0);
            let texel = texture.map_or([1.0; 4], |t| self.sample(t, v[0].uv.x, v[0].uv.y));
            [0usize, 1, 2, 3].map(|i| color[i] * texel[i])
        });
        for y in least(ys, clip[1])..most(ys, clip[3]) {
            let (mut from, mut to) = (least(xs, clip[0]), most(xs, clip[2]));
            while from < to && !inside(weights(from, y)) {
                from += 1;
            }
            while to > from && !inside(weights(to - 1, y)) {
                to -= 1;
            }
            // Nothing of this line is inside, or the whole triangle lies beside what may be painted.
            if from >= to {
                continue;
            }
            let line = y * image.size[0];
            if let Some(color) = flat {
                let row = &mut image.pixels[line + from..line + to];
                if color[3] > 0.999 {
                    let mut first = Color32::TRANSPARENT;
                    blend(&mut first, color);
                    row.fill(first);
                } else {
                    row.iter_mut().for_each(|pixel| blend(pixel, color));
                }
                continue;
            }
            for x in from..to {
                let w = weights(x, y).map(|w| w / whole);
                let mix = |f: &dyn Fn(&Vertex) -> f32| f(&v[0]) * w[0] + f(&v[1]) * w[1] + f(&v[2]) * w[2];
                let mut color = [0usize, 1, 2, 3].map(|i| mix(&|c: &Vertex| f32::from(c.color.to_array()[i])) / 255.0);
                let (u, t) = (mix(&|c: &Vertex| c.uv.x), mix(&|c: &Vertex| c.uv.y));
                if let Some(texture) = texture {
                    let texel = self.sample(texture, u, t);
                    for i in 0..4 {
                        color[i] *= texel[i];
                    }
                }
                blend(&mut image.pixels[line + x], color);
            }
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    fn sample(&self, texture: &ColorImage, u: f32, v: f32) -> [f32; 4] {
        let [width, height] = texture.size;
        let at = |x: f32, y: f32| {
            let (x, y) = (x.clamp(0.0, width as f32 - 1.0) as usize, y.clamp(0.0, height as f32 - 1.0) as usize);
            texture.pixels[y * width + x].to_array().map(|c| f32::from(c) / 255.0)
        };
        let (x, y) = (u * width as f32, v * height as f32);
        if !self.linear {
            return at(x, y);
        }
        let (x, y) = (x - 0.5, y - 0.5);
        let (fx, fy) = (x - x.floor(), y - y.floor());
        let (a, b, c, d) = (
            at(x.floor(), y.floor()),
            at(x.floor() + 1.0, y.floor()),
            at(x.floor(), y.floor() + 1.0),
            at(x.floor() + 1.0, y.floor() + 1.0),
        );
        [0usize, 1, 2, 3].map(|i| (a[i] * (1.0 - fx) + b[i] * fx) * (1.0 - fy) + (c[i] * (1.0 - fx) + d[i] * fx) * fy)
    }
}

/// Colours are premultiplied: what is below shows through what is left.
fn blend(below: &mut Color32, above: [f32; 4]) {
    let old = below.to_array();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let new = [0usize, 1, 2, 3]
        .map(|i| (above[i] * 255.0 + f32::from(old[i]) * (1.0 - above[3])).round().clamp(0.0, 255.0) as u8);
    *below = Color32::from_rgba_premultiplied(new[0], new[1], new[2], new[3]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Mesh, Rect, pos2};

    fn painted(clip: Rect, shape: Rect) -> ColorImage {
        let mut mesh = Mesh::default();
        mesh.add_colored_rect(shape, Color32::WHITE);
        let primitives = [ClippedPrimitive { clip_rect: clip, primitive: Primitive::Mesh(mesh) }];
        Raster::default().paint(&primitives, [20, 10], 1.0, Color32::BLACK)
    }

    fn rect(x0: f32, y0: f32, x1: f32, y1: f32) -> Rect {
        Rect::from_min_max(pos2(x0, y0), pos2(x1, y1))
    }

    #[test]
    fn what_lies_beside_the_clip_or_the_picture_is_not_painted() {
        let all = rect(0.0, 0.0, 20.0, 10.0);
        let white = |image: &ColorImage| image.pixels.iter().filter(|p| **p == Color32::WHITE).count();
        assert_eq!(white(&painted(all, rect(2.0, 2.0, 5.0, 4.0))), 6);
        assert_eq!(white(&painted(all, rect(-9.0, -9.0, 90.0, 90.0))), 200);
        for clip in [rect(12.0, 0.0, 20.0, 10.0), rect(0.0, 7.0, 20.0, 10.0), rect(90.0, 90.0, 99.0, 99.0)] {
            assert_eq!(white(&painted(clip, rect(2.0, 2.0, 5.0, 4.0))), 0, "{clip}");
        }
        for shape in [rect(30.0, 2.0, 40.0, 4.0), rect(-40.0, 2.0, -30.0, 4.0)] {
            assert_eq!(white(&painted(all, shape)), 0, "{shape}");
        }
    }
}
