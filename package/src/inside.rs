//! Paths that stay within a folder: what a task was told is where it works, and nothing leads out. Pure; links are the
//! runtime's to refuse.

/// Longest such path, in bytes.
pub const PATH_BYTES_MAX: usize = 4_096;
/// Deepest such path, in folders.
pub const DEPTH_MAX: usize = 100;

/// Why a path does not stay within its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InsideError {
    /// It begins with `/`.
    #[error("it is absolute")]
    Absolute,
    /// It has a segment `..`.
    #[error("`..` leads out")]
    Up,
    /// It has a NUL character.
    #[error("it holds a NUL character")]
    Nul,
    /// It is longer than [`PATH_BYTES_MAX`].
    #[error("it is longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// It is deeper than [`DEPTH_MAX`].
    #[error("it is deeper than {DEPTH_MAX} folders")]
    TooDeep,
}

/// The names on the way of `path`, which is relative to a folder; none for the folder itself. `.` and double slashes
/// do not count.
///
/// # Errors
/// It leads out, is too long or too deep, or is no path at all.
pub fn segments(path: &str) -> Result<Vec<&str>, InsideError> {
    if path.len() > PATH_BYTES_MAX {
        return Err(InsideError::TooLong);
    }
    if path.starts_with('/') {
        return Err(InsideError::Absolute);
    }
    if path.contains('\0') {
        return Err(InsideError::Nul);
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
    if segments.contains(&"..") {
        return Err(InsideError::Up);
    }
    if segments.len() > DEPTH_MAX {
        return Err(InsideError::TooDeep);
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_is_refused() {
        for (path, expected) in [
            ("a/b", Ok(vec!["a", "b"])),
            ("./a//b/", Ok(vec!["a", "b"])),
            (".", Ok(vec![])),
            ("..a/b..", Ok(vec!["..a", "b.."])),
            ("/a", Err(InsideError::Absolute)),
            ("a/../../b", Err(InsideError::Up)),
            ("..", Err(InsideError::Up)),
            ("a\0", Err(InsideError::Nul)),
        ] {
            assert_eq!(segments(path), expected, "{path:?}");
        }
        assert_eq!(segments(&"x".repeat(PATH_BYTES_MAX + 1)), Err(InsideError::TooLong));
        assert_eq!(segments(&"x/".repeat(DEPTH_MAX + 1)), Err(InsideError::TooDeep));
    }
}
