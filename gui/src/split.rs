//! A row with something at its left and something at its right, which becomes two rows where there is no room for both.
use egui::{Align, Id, Layout, Rect, TextWrapMode, Ui, UiBuilder, pos2, vec2};

/// A row whose left side is shown, and which waits for its right side.
#[must_use = "the right side is still to be shown"]
pub struct Split {
    id: Id,
    /// What the row may take up.
    room: Rect,
    left: Rect,
}

impl Split {
    /// Shows the left side; it begins another line where the room is too narrow for it. `salt` tells the rows of one panel apart.
    pub fn left(ui: &mut Ui, salt: &str, show: impl FnOnce(&mut Ui)) -> Self {
        let id = ui.scope_id().with(("split", salt));
        let room = ui.available_rect_before_wrap();
        Self { id, room, left: ui.horizontal_wrapped(show).response.rect }
    }

    /// Shows the right side: what is added first stands last.
    pub fn right(self, ui: &mut Ui, show: impl FnOnce(&mut Ui)) {
        let line = ui.spacing().interact_size.y;
        let from = self.left.max.x + ui.spacing().item_spacing.x;
        let one_line = |rect: Rect| rect.height() < 1.5 * line;
        // How wide it is shows only once it is there: the last frame knows.
        let fits = |needs: f32| one_line(self.left) && from + needs <= self.room.max.x;
        let beside = fits(ui.data(|d| d.get_temp(self.id)).unwrap_or(0.0));
        let layout = Layout::right_to_left(Align::Center);
        let needs = if beside {
            let rest = Rect::from_min_max(pos2(from, self.left.min.y), pos2(self.room.max.x, self.left.max.y));
            let shown = ui.scope_builder(UiBuilder::new().max_rect(rest).layout(layout), show).response.rect;
            // The row is as high as its higher side.
            ui.advance_cursor_after_rect(self.left | shown);
            shown.width()
        } else {
            let size = vec2(self.room.width(), line);
            let shown = ui.allocate_ui_with_layout(size, layout.with_main_wrap(true), |ui| {
                // A word goes to the next line whole.
                ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
                show(ui);
            });
            let rect = shown.response.rect;
            // What took a second line is wider than all the room that there is.
            if one_line(rect) { rect.width() } else { self.room.width() + 1.0 }
        };
        ui.data_mut(|d| d.insert_temp(self.id, needs));
        if fits(needs) != beside {
            ui.ctx().request_discard("the two sides of a row do not fit as the last frame had it");
        }
    }
}
