//! Colours that colour-blind people can tell apart (after Okabe and Ito), always with a shape, and the look of both themes.
use egui::{
    Align, Color32, CornerRadius, FontId, Layout, Margin, Pos2, Rect, Role, Sense, Shape, Stroke, TextStyle, Theme, Ui,
    Vec2, Visuals, pos2, vec2,
};
use weighbridge_core::types::{BufferStatus, Lifecycle, SlotStatus};

/// What a colour stands for. Each has a shape of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// At rest: a ring.
    Idle,
    /// Waiting or at work: a triangle.
    Working,
    /// In place: a disc.
    Good,
    /// Went wrong: a cross.
    Bad,
    /// Over: a square.
    Over,
    /// Wants a look: a diamond.
    Warn,
}

impl Tone {
    /// Its colour.
    #[must_use]
    pub const fn color(self, dark: bool) -> Color32 {
        match (self, dark) {
            (Self::Idle, true) => Color32::from_rgb(0x9a, 0xa5, 0xb5),
            (Self::Idle, false) => Color32::from_rgb(0x5b, 0x66, 0x75),
            (Self::Working, true) => Color32::from_rgb(0xf0, 0xb4, 0x29),
            (Self::Working, false) => Color32::from_rgb(0x9a, 0x67, 0x00),
            (Self::Good, true) => Color32::from_rgb(0x5a, 0xb8, 0xf0),
            (Self::Good, false) => Color32::from_rgb(0x00, 0x62, 0xa3),
            (Self::Bad, true) => Color32::from_rgb(0xff, 0x7d, 0x45),
            (Self::Bad, false) => Color32::from_rgb(0xb8, 0x3c, 0x00),
            (Self::Over, true) => Color32::from_rgb(0xc9, 0x95, 0xc4),
            (Self::Over, false) => Color32::from_rgb(0x8a, 0x3f, 0x80),
            (Self::Warn, true) => Color32::from_rgb(0xe8, 0xd7, 0x4a),
            (Self::Warn, false) => Color32::from_rgb(0x75, 0x65, 0x00),
        }
    }

    /// The tone of a state, by its name: the tables name states by what they do.
    #[must_use]
    pub fn of_state(name: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
        if has(&["error", "fail", "refus", "reject", "bad", "poison"]) {
            Self::Bad
        } else if has(&["evicted", "closed", "retired", "released", "cancelled"]) {
            Self::Over
        } else if crate::model::names::is_working(name) {
            Self::Working
        } else if has(&["resident", "mapped", "loaded", "done", "open"]) && !has(&["unmapped"]) {
            Self::Good
        } else {
            Self::Idle
        }
    }

    /// Of a tensor's lifecycle.
    #[must_use]
    pub const fn of_lifecycle(l: Lifecycle) -> Self {
        match l {
            Lifecycle::Unbound => Self::Idle,
            Lifecycle::Loading => Self::Working,
            Lifecycle::Resident | Lifecycle::MmapResident => Self::Good,
            Lifecycle::Evicted => Self::Over,
        }
    }

    /// Of a slot.
    #[must_use]
    pub const fn of_slot(s: SlotStatus) -> Self {
        match s {
            SlotStatus::Free => Self::Idle,
            SlotStatus::Reserved => Self::Working,
            SlotStatus::Owned => Self::Good,
            SlotStatus::UnmapPending => Self::Warn,
            SlotStatus::Retired => Self::Over,
        }
    }

    /// Of a buffer.
    #[must_use]
    pub const fn of_buffer(s: BufferStatus) -> Self {
        match s {
            BufferStatus::Free => Self::Idle,
            BufferStatus::Reserved => Self::Working,
            BufferStatus::Owned => Self::Good,
            BufferStatus::FreePending => Self::Warn,
            BufferStatus::Retired => Self::Over,
        }
    }

    /// Its shape.
    pub fn shape(self, center: Pos2, radius: f32, color: Color32) -> Shape {
        let stroke = Stroke::new(1.5, color);
        let polygon = |points: Vec<Pos2>| Shape::convex_polygon(points, color, Stroke::NONE);
        match self {
            Self::Idle => Shape::circle_stroke(center, radius * 0.85, stroke),
            Self::Good => Shape::circle_filled(center, radius, color),
            Self::Working => polygon(vec![
                center + vec2(-radius * 0.8, -radius),
                center + vec2(radius, 0.0),
                center + vec2(-radius * 0.8, radius),
            ]),
            Self::Bad => {
                let r = radius * 0.85;
                let stroke = Stroke::new(2.2, color);
                Shape::Vec(vec![
                    Shape::line_segment([center + vec2(-r, -r), center + vec2(r, r)], stroke),
                    Shape::line_segment([center + vec2(-r, r), center + vec2(r, -r)], stroke),
                ])
            }
            Self::Over => Shape::rect_filled(Rect::from_center_size(center, Vec2::splat(radius * 1.7)), 1.0, color),
            Self::Warn => polygon(vec![
                center + vec2(0.0, -radius * 1.1),
                center + vec2(radius * 1.1, 0.0),
                center + vec2(0.0, radius * 1.1),
                center + vec2(-radius * 1.1, 0.0),
            ]),
        }
    }
}

/// The accent of selections and of the cursor.
#[must_use]
pub const fn accent(dark: bool) -> Color32 {
    if dark { Color32::from_rgb(0x7c, 0xc4, 0xff) } else { Color32::from_rgb(0x00, 0x5f, 0xb8) }
}

/// Lines that part things.
#[must_use]
pub const fn faint(dark: bool) -> Color32 {
    if dark { Color32::from_rgb(0x2f, 0x36, 0x40) } else { Color32::from_rgb(0xd5, 0xda, 0xe1) }
}

/// What lies below a picture.
#[must_use]
pub const fn canvas(dark: bool) -> Color32 {
    if dark { Color32::from_rgb(0x14, 0x17, 0x1c) } else { Color32::from_rgb(0xfb, 0xfc, 0xfd) }
}

/// The side of the square that a shape stands in, and its distance from the word.
const MARK: f32 = 11.0;
const GAP: f32 = 5.0;

/// A shape and its word.
pub fn badge(ui: &mut Ui, tone: Tone, text: &str) -> egui::Response {
    let color = tone.color(ui.visuals().dark_mode);
    // Where lines run from the right, what comes first stands last.
    let backwards = ui.layout().prefer_right_to_left();
    let words = ui.painter().layout_no_wrap(text.to_owned(), TextStyle::Body.resolve(ui.style()), color);
    // Where lines are broken, the mark and its word go to the next line together.
    let size = vec2(MARK + GAP + words.size().x, ui.spacing().interact_size.y);
    let layout = if backwards { Layout::right_to_left(Align::Center) } else { Layout::left_to_right(Align::Center) };
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        let mark = |ui: &mut Ui| {
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(MARK), Sense::hover());
            ui.painter().add(tone.shape(rect.center(), 4.2, color));
        };
        if backwards {
            let label = ui.colored_label(color, text);
            mark(ui);
            return label;
        }
        mark(ui);
        ui.colored_label(color, text)
    })
    .inner
}

/// An area that is painted by hand, with a name for those who cannot see it.
pub fn named(response: &egui::Response, role: Role, label: impl Into<String>) {
    let label = label.into();
    response.widget_info(|| egui::WidgetInfo::labeled(role, true, label.clone()));
}

/// What a panel shows before there is anything to show: what it is for, and what to do.
pub fn empty(ui: &mut Ui, title: &str, text: &str) {
    let room = ui.available_height();
    ui.vertical_centered(|ui| {
        ui.add_space((room * 0.25).clamp(8.0, 140.0));
        ui.label(egui::RichText::new(title).strong().size(15.0));
        ui.add_space(4.0);
        let mut job = egui::text::LayoutJob::simple(
            text.to_owned(),
            TextStyle::Body.resolve(ui.style()),
            ui.visuals().weak_text_color(),
            ui.available_width().min(460.0),
        );
        job.halign = egui::Align::Center;
        ui.label(job);
    });
}

/// A heading within a panel.
pub fn section(ui: &mut Ui, title: &str) {
    ui.add_space(6.0);
    ui.label(egui::RichText::new(title).strong().size(13.5));
    ui.add_space(1.0);
}

/// Sets both themes, and a font that has arrows behind the one that has none.
pub fn install(ctx: &egui::Context) {
    let mut fonts = egui::FontDefinitions::default();
    let mono = fonts.families.get(&egui::FontFamily::Monospace).and_then(|f| f.first()).cloned();
    if let (Some(mono), Some(family)) = (mono, fonts.families.get_mut(&egui::FontFamily::Proportional))
        && !family.contains(&mono)
    {
        family.push(mono);
    }
    ctx.set_fonts(fonts);
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_visuals_of(theme, visuals(theme == Theme::Dark));
    }
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Heading, FontId::proportional(19.0)),
            (TextStyle::Body, FontId::proportional(13.5)),
            (TextStyle::Button, FontId::proportional(13.5)),
            (TextStyle::Monospace, FontId::monospace(12.5)),
            (TextStyle::Small, FontId::proportional(11.5)),
        ]
        .into();
        style.spacing.item_spacing = vec2(8.0, 5.0);
        style.spacing.button_padding = vec2(8.0, 3.0);
        style.spacing.interact_size.y = 22.0;
        style.spacing.menu_margin = Margin::same(6);
        style.interaction.tooltip_delay = 0.35;
        style.spacing.scroll = egui::style::ScrollStyle::solid();
        style.spacing.scroll.bar_width = 8.0;
    });
}

fn visuals(dark: bool) -> Visuals {
    let mut v = if dark { Visuals::dark() } else { Visuals::light() };
    let accent = accent(dark);
    let rgb = |d: u32, l: u32| {
        let c = if dark { d } else { l };
        #[allow(clippy::cast_possible_truncation)]
        Color32::from_rgb((c >> 16) as u8, (c >> 8) as u8, c as u8)
    };
    v.panel_fill = rgb(0x1b_1f26, 0xf3_f5f8);
    v.window_fill = rgb(0x20_252d, 0xff_ffff);
    v.extreme_bg_color = rgb(0x12_1519, 0xff_ffff);
    v.faint_bg_color = rgb(0x20_252c, 0xe9_edf2);
    v.code_bg_color = rgb(0x25_2b34, 0xe4_e9f0);
    v.override_text_color = None;
    v.hyperlink_color = accent;
    v.selection.bg_fill = rgb(0x1f_4f7a, 0xbf_dcf7);
    v.selection.stroke = Stroke::new(1.0, rgb(0xff_ffff, 0x00_2b52));
    v.window_corner_radius = CornerRadius::same(7);
    v.menu_corner_radius = CornerRadius::same(6);
    v.window_stroke = Stroke::new(1.0, faint(dark));
    let text = rgb(0xd6_dce4, 0x1d_232b);
    for (widget, fill) in [
        (&mut v.widgets.noninteractive, rgb(0x1b_1f26, 0xf3_f5f8)),
        (&mut v.widgets.inactive, rgb(0x2d_343f, 0xe0_e5ec)),
        (&mut v.widgets.hovered, rgb(0x3a_4351, 0xd0_d8e3)),
        (&mut v.widgets.active, rgb(0x48_5363, 0xbd_c8d6)),
        (&mut v.widgets.open, rgb(0x2d_343f, 0xe0_e5ec)),
    ] {
        widget.weak_bg_fill = fill;
        widget.bg_fill = fill;
        widget.corner_radius = CornerRadius::same(4);
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.expansion = 0.0;
    }
    v.widgets.noninteractive.bg_stroke = Stroke::new(1.0, faint(dark));
    v.widgets.hovered.bg_stroke = Stroke::new(1.0, accent);
    v.striped = true;
    v
}

/// A line of text in a picture, cut with `…` where it would be longer than `width`.
pub fn text_in(
    painter: &egui::Painter,
    at: Pos2,
    anchor: egui::Align2,
    text: &str,
    font: FontId,
    color: Color32,
    width: f32,
) -> Rect {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(1.0));
    let galley = painter.layout_job(job);
    let rect = anchor.anchor_size(at, galley.size());
    painter.galley(pos2(rect.min.x, rect.min.y), galley, color);
    rect
}
