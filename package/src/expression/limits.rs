//! Every bound of the expression language.

/// Longest expression, in bytes. SSIS allows 4,000 characters.
pub const EXPRESSION_BYTES_MAX: usize = 32 * 1024;

/// Deepest tree: brackets, casts, calls and operands inside each other. `a + b + c` is two deep, so this is also the
/// longest row of operands without brackets. In a build without optimisation a step takes up to 6 KiB of the stack, and
/// threads have 2 MiB.
pub const DEPTH_MAX: usize = 128;

/// Longest text or row of bytes that an evaluation makes, in bytes.
pub const TEXT_BYTES_MAX: usize = crate::value::VALUE_BYTES_MAX;

/// Bytes of texts that one evaluation makes and reads, all together: it cannot be stopped, and must not take long.
pub const WORK_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Longest name between brackets, in characters.
pub const NAME_CHARS_MAX: usize = 256;

/// The length of a text type that nothing is known of, in characters.
pub const LENGTH_UNKNOWN: u32 = 1024 * 1024;

/// Most characters of `DT_WSTR` when it is asked for by a cast.
pub const WSTR_LENGTH_MAX: u32 = 4_000;

/// Most bytes of `DT_STR` when it is asked for by a cast.
pub const STR_LENGTH_MAX: u32 = 8_000;

/// Most bytes of `DT_BYTES` when it is asked for by a cast.
pub const BYTES_LENGTH_MAX: u32 = 8_000;

/// Most digits of a `DT_NUMERIC`.
pub const PRECISION_MAX: u8 = 38;

/// Most digits behind the point of a `DT_DECIMAL`.
pub const DECIMAL_SCALE_MAX: u8 = 28;

/// Most digits of a fraction of a second.
pub const SECOND_SCALE_MAX: u8 = 7;
