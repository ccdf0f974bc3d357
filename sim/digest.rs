//! SHA-256 in hexadecimal: what tells files, programs and records apart.

use std::fmt::{self, Debug, Write as _};

use sha2::{Digest as _, Sha256};

/// The digest of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

/// The digest of everything that `Debug` prints of a value: every field, floats in the shortest form that reads back
/// exactly.
pub fn of_debug(value: &impl Debug) -> String {
    struct Sink(Sha256);
    impl fmt::Write for Sink {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut sink = Sink(Sha256::new());
    write!(sink, "{value:?}").expect("a hash takes any text");
    hexadecimal(sink.0)
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), abc);
        assert_eq!(of_debug(&vec![1, 2]), of_bytes(b"[1, 2]"));
    }
}
