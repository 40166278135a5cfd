//! Pictures as PNG.

/// A picture as a PNG file.
///
/// # Errors
/// A sentence, when the picture cannot be encoded.
pub fn png(image: &egui::ColorImage) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let [width, height] = image.size;
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err("The picture is too big".into());
    };
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgba);
    let bytes: Vec<u8> = image.pixels.iter().flat_map(|p| p.to_array()).collect();
    let written = encoder.write_header().and_then(|mut w| w.write_image_data(&bytes));
    written.map_err(|e| format!("The picture could not be encoded: {e}"))?;
    Ok(out)
}
