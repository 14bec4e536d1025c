//! Hexadecimal digits: how hashes, keys and tokens are written. Pure.

/// Lower-case, two digits a byte.
pub fn print(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Exactly `N` bytes of two digits each, in either case; `None` for anything else.
pub fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_in_either_case() {
        let all: [u8; 256] = std::array::from_fn(|byte| byte as u8);
        let text = print(&all);
        assert!(text.starts_with("000102") && text.ends_with("fdfeff"), "{text}");
        assert_eq!(parse(&text), Some(all));
        assert_eq!(parse(&text.to_uppercase()), Some(all));
        assert_eq!((print(&[]).as_str(), parse("")), ("", Some([])));
    }

    #[test]
    fn nothing_but_digits_in_the_right_number() {
        for bad in ["", "0", "0a", "0a0", "0a0b0", "0a0b0c", "0g0b", "+10b", "0a b", " a0b", "é0b", "0x0b"] {
            assert_eq!(parse::<2>(bad), None, "{bad:?}");
        }
    }
}
