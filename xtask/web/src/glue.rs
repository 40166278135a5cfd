//! What the glue of a component is made to do differently.
use anyhow::{Context, Result, bail};

/// What the glue makes texts with, and what it takes instead: the host's, which counts what the component passes.
const DECODER: &str = "const utf8Decoder = new TextDecoder();";
const COUNTED: &str = "const { utf8Decoder } = imports;";

/// The glue with the host's decoder of texts.
pub(crate) fn counted(glue: Vec<u8>) -> Result<Vec<u8>> {
    let glue = String::from_utf8(glue).context("the component's glue is no text")?;
    if glue.matches(DECODER).count() != 1 {
        bail!(
            "the component's glue does not say `{DECODER}` once, which is how its texts are counted; see xtask/web/src/glue.rs"
        );
    }
    Ok(glue.replace(DECODER, COUNTED).into_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_decoder_is_the_hosts_and_glue_of_another_kind_is_an_error() {
        let made = counted(format!("a\n  {DECODER}\nb").into_bytes()).unwrap();
        assert_eq!(String::from_utf8(made).unwrap(), format!("a\n  {COUNTED}\nb"));
        for other in [String::new(), DECODER.repeat(2)] {
            assert!(counted(other.into_bytes()).is_err());
        }
    }
}
