//! Files, directories and standard input, as text.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostic, Diagnostics, quote};

use super::tree::MAX_FILE_BYTES;

/// The path that means standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// Files in a directory that are read.
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "json", "jsonl"];

/// Directories within each other.
const MAX_FOLDER_DEPTH: usize = 32;

/// How messages call a file.
pub(super) fn display_name(path: &Path) -> String {
    if path == Path::new(STANDARD_INPUT) {
        "standard input".to_owned()
    } else {
        path.to_string_lossy().into_owned()
    }
}

/// What a scenario is called that is read from here and has no name: file or folder, without extension.
pub(super) fn stem(path: &Path) -> String {
    if path == Path::new(STANDARD_INPUT) {
        return "stdin".to_owned();
    }
    // `.` has no name of its own, the folder it stands for has.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    absolute.file_stem().map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The files that `inputs` mean, directories replaced by what is in them, by name.
pub(super) fn expand(inputs: &[PathBuf], diagnostics: &mut Diagnostics) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for input in inputs {
        if !input.is_dir() {
            files.push(input.clone());
            continue;
        }
        let before = files.len();
        if let Err(error) = collect(input, MAX_FOLDER_DEPTH, &mut files) {
            let message = format!("cannot read the folder {}: {error}", quote(&display_name(input)));
            diagnostics.push(Diagnostic::error(Code::Unreadable, message));
        } else if files.len() == before {
            let message = format!("the folder {} holds no YAML or JSON file", quote(&display_name(input)));
            diagnostics.push(Diagnostic::error(Code::EmptyInput, message));
        }
    }
    if inputs.is_empty() {
        diagnostics.push(Diagnostic::error(Code::EmptyInput, "no file was named"));
    }
    files
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = folder.read_dir()?.collect::<io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        // The type of the entry itself: links to folders are not followed, they may lead in a circle.
        if entry.file_type()?.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, files)?;
            }
        } else if path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
        {
            files.push(path);
        }
    }
    Ok(())
}

/// The text of a file or of standard input, without a byte order mark.
///
/// # Errors
/// When it cannot be read, is too large or no UTF-8 text; the diagnostic has no place yet.
pub(super) fn read(path: &Path) -> Result<String, Diagnostic> {
    let unreadable =
        |error: io::Error| Diagnostic::error(Code::Unreadable, format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    let limit = MAX_FILE_BYTES as u64 + 1;
    if path == Path::new(STANDARD_INPUT) {
        io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().is_ok_and(|metadata| metadata.len() >= limit) {
            return Err(too_large());
        }
        file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if bytes.len() > MAX_FILE_BYTES { Err(too_large()) } else { decode(bytes) }
}

fn too_large() -> Diagnostic {
    let message = format!("the file is larger than the {} MiB that are read", MAX_FILE_BYTES >> 20);
    Diagnostic::error(Code::TooLarge, message)
}

fn decode(mut bytes: Vec<u8>) -> Result<String, Diagnostic> {
    let not_text = |message: String| Diagnostic::error(Code::NotText, message);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(not_text("the file is UTF-16".to_owned()).hint("save it as UTF-8"));
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    let line_of = |bytes: &[u8], at: usize| bytes[..at].split(|byte| *byte == b'\n').count();
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let line = line_of(&bytes, at);
        return Err(not_text(format!("the file is binary: it holds a zero byte in line {line}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        not_text(format!("the file is not UTF-8: line {line} holds a byte that no text has"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_utf_8_without_mark() {
        assert_eq!(decode(b"\xef\xbb\xbfa: 1".to_vec()), Ok("a: 1".to_owned()));
        for (bytes, expected) in [
            (&b"\xff\xfea\x00"[..], "UTF-16"),
            (b"a\n\x00", "zero byte in line 2"),
            (b"a\n\nb\xff", "line 3 holds a byte"),
        ] {
            let problem = decode(bytes.to_vec()).unwrap_err();
            assert!(problem.message.contains(expected), "{}", problem.message);
        }
    }
}
