//! Pictures of the screen as files.

use device_api::Frame;

/// A file's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// Portable pixmap, binary
    #[default]
    Ppm,
    /// Portable network graphics
    Png,
}

/// Returns red, green and blue of each pixel, rows from the top.
fn rgb(frame: &Frame) -> Vec<u8> {
    let pixels = (frame.width as usize).saturating_mul(frame.height as usize);
    let mut out = Vec::with_capacity(pixels.saturating_mul(3));
    for pixel in frame.rgba.chunks_exact(4).take(pixels) {
        out.extend(&pixel[..3]);
    }
    out.resize(pixels.saturating_mul(3), 0);
    out
}

/// Returns the file of a picture.
///
/// # Errors
/// The picture has no pixels.
pub fn encode(frame: &Frame, format: PictureFormat) -> Result<Vec<u8>, String> {
    let (width, height) = (frame.width, frame.height);
    if width == 0 || height == 0 {
        return Err(
            "the display adapter shows no picture yet; try again when the guest has set a mode".into()
        );
    }
    match format {
        PictureFormat::Ppm => {
            let mut out = format!("P6\n{width} {height}\n255\n").into_bytes();
            out.extend(rgb(frame));
            Ok(out)
        }
        PictureFormat::Png => {
            let mut out = Vec::new();
            let mut encoder = png::Encoder::new(&mut out, width, height);
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_depth(png::BitDepth::Eight);
            encoder.set_compression(png::Compression::Fast);
            let written = encoder
                .write_header()
                .and_then(|mut writer| writer.write_image_data(&rgb(frame)).and_then(|()| writer.finish()));
            written.map_err(|error| error.to_string())?;
            Ok(out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_pixels() -> Frame {
        Frame { width: 2, height: 1, rgba: vec![1, 2, 3, 255, 4, 5, 6, 255], ..Frame::default() }
    }

    #[test]
    fn ppm_has_three_bytes_a_pixel() {
        let file = encode(&two_pixels(), PictureFormat::Ppm).unwrap();
        assert_eq!(file, b"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06");
        assert!(encode(&Frame::default(), PictureFormat::Ppm).is_err());
    }

    #[test]
    fn png_is_read_back_the_same() {
        let file = encode(&two_pixels(), PictureFormat::Png).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (2, 1));
        assert_eq!(pixels, [1, 2, 3, 4, 5, 6]);
    }
}
