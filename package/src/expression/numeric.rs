//! Exact decimal numbers of up to 38 digits: what `DT_NUMERIC`, `DT_DECIMAL` and `DT_CY` hold. Nothing here rounds
//! twice or overflows silently: what does not fit is `None`.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::BigInt;

use super::limits::PRECISION_MAX;

/// A mantissa and how many of its digits stand behind the point.
#[derive(Debug, Clone, Copy)]
pub struct Numeric {
    mantissa: i128,
    scale: u8,
}

/// What happens to digits that do not fit behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// They are cut off.
    Cut,
    /// Half a unit and more goes away from zero.
    HalfUp,
    /// Towards greater numbers.
    Ceiling,
    /// Towards lesser numbers.
    Floor,
}

/// 10 to the power of `exponent`, if it fits.
pub(super) fn power_of_ten(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

impl Numeric {
    /// A whole number with digits behind the point: `new(1250, 2)` is 12.50. `None` beyond 38 digits.
    pub fn new(mantissa: i128, scale: u8) -> Option<Numeric> {
        let bound = power_of_ten(PRECISION_MAX.into())?;
        let fits = scale <= PRECISION_MAX && -bound < mantissa && mantissa < bound;
        fits.then_some(Numeric { mantissa, scale })
    }

    /// Reads digits with at most one point and a sign in front. `None` if it is something else or has more than 38
    /// digits.
    pub fn parse(text: &str) -> Option<Numeric> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = whole.bytes().chain(fraction.bytes());
        if (whole.is_empty() && fraction.is_empty()) || !all.clone().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut mantissa: i128 = 0;
        for digit in all {
            mantissa = mantissa.checked_mul(10)?.checked_add((digit - b'0').into())?;
        }
        Numeric::new(if negative { -mantissa } else { mantissa }, u8::try_from(fraction.len()).ok()?)
    }

    /// The nearest number with at most `scale` digits behind the point that a person would write for `real`, the
    /// digits behind cut off. `None` if it is not finite or too large.
    pub(super) fn from_real(real: f64, scale: u8) -> Option<Numeric> {
        if !real.is_finite() {
            return None;
        }
        // The shortest digits that mean this float, without an exponent.
        let text = format!("{real}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let kept = fraction.get(..fraction.len().min(scale.into()))?;
        Numeric::parse(&format!("{whole}.{kept}"))?.rescaled(scale, Rounding::Cut)
    }

    /// The same number with `scale` digits behind the point; `None` if digits would be lost, or it does not fit.
    pub fn with_scale(self, scale: u8) -> Option<Numeric> {
        self.rescaled(scale, Rounding::Cut).filter(|rescaled| *rescaled == self)
    }

    /// The digits without the point.
    pub fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// Digits behind the point.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// How many digits it takes: those of the mantissa, and at least those behind the point; 1 for zero.
    pub(super) fn precision(self) -> u8 {
        let digits = self.mantissa.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
        u8::try_from(digits).unwrap_or(PRECISION_MAX).max(self.scale)
    }

    /// The same number with `scale` digits behind the point. `None` if it does not fit any more.
    pub(super) fn rescaled(self, scale: u8, rounding: Rounding) -> Option<Numeric> {
        if scale >= self.scale {
            let factor = power_of_ten((scale - self.scale).into())?;
            return Numeric::new(self.mantissa.checked_mul(factor)?, scale);
        }
        // Beyond 38 digits nothing is left but the rounding.
        let divisor = power_of_ten((self.scale - scale).into())?;
        Numeric::new(divide(self.mantissa, divisor, rounding), scale)
    }

    /// Whether it has at most `precision` digits.
    pub(super) fn fits(self, precision: u8) -> bool {
        power_of_ten(precision.into()).is_none_or(|bound| -bound < self.mantissa && self.mantissa < bound)
    }

    pub(super) fn plus(self, other: Numeric, scale: u8) -> Option<Numeric> {
        let at = self.scale.max(other.scale);
        if let (Some(a), Some(b)) = (self.rescaled(at, Rounding::Cut), other.rescaled(at, Rounding::Cut))
            && let Some(sum) = a.mantissa.checked_add(b.mantissa)
            && let Some(sum) = Numeric::new(sum, at)
        {
            return sum.rescaled(scale, Rounding::HalfUp);
        }
        narrow(self.wide(at) + other.wide(at), at.into(), scale)
    }

    pub(super) fn minus(self, other: Numeric, scale: u8) -> Option<Numeric> {
        self.plus(other.negated(), scale)
    }

    pub(super) fn times(self, other: Numeric, scale: u8) -> Option<Numeric> {
        let at = u32::from(self.scale) + u32::from(other.scale);
        if let Some(product) = self.mantissa.checked_mul(other.mantissa)
            && let Ok(at) = u8::try_from(at)
            && let Some(product) = Numeric::new(product, at)
        {
            return product.rescaled(scale, Rounding::HalfUp);
        }
        narrow(BigInt::from(self.mantissa) * BigInt::from(other.mantissa), at, scale)
    }

    /// `None` also when `other` is zero.
    pub(super) fn divided_by(self, other: Numeric, scale: u8) -> Option<Numeric> {
        if other.mantissa == 0 {
            return None;
        }
        // One digit more than asked for is not enough to round by: the remainder decides, so everything is scaled first.
        let up = u32::from(scale) + u32::from(other.scale);
        let dividend = BigInt::from(self.mantissa) * BigInt::from(10).pow(up);
        let divisor = BigInt::from(other.mantissa) * BigInt::from(10).pow(self.scale.into());
        Numeric::new(i128::try_from(divide_wide(&dividend, &divisor)).ok()?, scale)
    }

    pub(super) fn negated(self) -> Numeric {
        Numeric { mantissa: -self.mantissa, scale: self.scale }
    }

    pub(super) fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The whole part.
    pub(super) fn whole(self) -> i128 {
        power_of_ten(self.scale.into()).map_or(0, |divisor| self.mantissa / divisor)
    }

    /// The nearest float.
    pub(super) fn to_real(self) -> f64 {
        // Reading digits rounds once; dividing the mantissa would round twice.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    fn wide(self, scale: u8) -> BigInt {
        BigInt::from(self.mantissa) * BigInt::from(10).pow((scale - self.scale).into())
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Numeric) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Numeric) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By value: 1.5 equals 1.50.
impl Ord for Numeric {
    fn cmp(&self, other: &Numeric) -> Ordering {
        let at = self.scale.max(other.scale);
        match (self.rescaled(at, Rounding::Cut), other.rescaled(at, Rounding::Cut)) {
            (Some(a), Some(b)) => a.mantissa.cmp(&b.mantissa),
            _ => self.wide(at).cmp(&other.wide(at)),
        }
    }
}

/// With all digits behind the point, and one in front.
impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let digits = format!("{:0width$}", self.mantissa.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let point = if scale > 0 { "." } else { "" };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

fn divide(dividend: i128, divisor: i128, rounding: Rounding) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let away = match rounding {
        Rounding::Cut => false,
        // The divisor is at most 10^38, so that twice the rest fits without its sign.
        Rounding::HalfUp => rest.unsigned_abs() * 2 >= divisor.unsigned_abs(),
        Rounding::Ceiling => rest > 0,
        Rounding::Floor => rest < 0,
    };
    if away { quotient + if dividend < 0 { -1 } else { 1 } } else { quotient }
}

/// Half a unit and more goes away from zero.
fn divide_wide(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    let quotient: BigInt = dividend / divisor;
    let rest: BigInt = dividend - &quotient * divisor;
    if rest.magnitude() * 2_u8 < *divisor.magnitude() {
        return quotient;
    }
    if dividend.sign() == divisor.sign() { quotient + 1 } else { quotient - 1 }
}

fn narrow(mantissa: BigInt, at: u32, scale: u8) -> Option<Numeric> {
    let scale_wide = u32::from(scale);
    let scaled = if at > scale_wide {
        divide_wide(&mantissa, &BigInt::from(10).pow(at - scale_wide))
    } else {
        mantissa * BigInt::from(10).pow(scale_wide - at)
    };
    Numeric::new(i128::try_from(scaled).ok()?, scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn n(text: &str) -> Numeric {
        Numeric::parse(text).unwrap()
    }

    #[track_caller]
    fn shows(number: Option<Numeric>, expect: &str) {
        assert_eq!(number.map_or("none".to_owned(), |n| n.to_string()), expect);
    }

    const GREATEST: &str = "99999999999999999999999999999999999999";

    #[test]
    fn digits_are_read_and_shown() {
        for text in ["0", "0.00", "12.50", "-0.5", "-12", GREATEST] {
            assert_eq!(n(text).to_string(), text);
        }
        assert_eq!(n("+.5").to_string(), "0.5");
        assert_eq!(n("5.").to_string(), "5");
        for text in ["", "-", ".", "1,5", "1e3", "1.2.3", " 1", "100000000000000000000000000000000000000"] {
            assert!(Numeric::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn arithmetic_is_exact_and_says_when_it_is_not() {
        shows(n("0.1").plus(n("0.2"), 1), "0.3");
        shows(n(GREATEST).plus(n("1"), 0), "none");
        shows(n(GREATEST).plus(n("0.5"), 0), "none");
        shows(n(GREATEST).minus(n("0.5"), 0), GREATEST);
        shows(n(GREATEST).minus(n("0.6"), 0), "99999999999999999999999999999999999998");
        shows(n("2").divided_by(n("3"), 6), "0.666667");
        shows(n("-2").divided_by(n("3"), 6), "-0.666667");
        shows(n("1").divided_by(n("0"), 6), "none");
        shows(n(GREATEST).times(n("2"), 0), "none");
        shows(n("999999999999999999.5").times(n("2.5"), 2), "2499999999999999998.75");
        let small = n("0.00000000000000000001");
        shows(small.times(small, 38), &format!("0.{}", "0".repeat(38)));
        shows(small.times(n("0.0000000000000000005"), 38), &format!("0.{}1", "0".repeat(37)));
    }

    #[test]
    fn digits_that_do_not_fit_go() {
        let cases = [
            ("1.25", "1.2", "1.3", "1.3", "1.2"),
            ("-1.25", "-1.2", "-1.3", "-1.2", "-1.3"),
            ("1.2", "1.2", "1.2", "1.2", "1.2"),
        ];
        for (text, cut, half_up, ceiling, floor) in cases {
            let at = |rounding| n(text).rescaled(1, rounding).unwrap().to_string();
            assert_eq!(
                [at(Rounding::Cut), at(Rounding::HalfUp), at(Rounding::Ceiling), at(Rounding::Floor)],
                [cut, half_up, ceiling, floor]
            );
        }
        shows(Numeric::from_real(0.29, 2), "0.29");
        shows(Numeric::from_real(-1e-300, 4), "0.0000");
        shows(Numeric::from_real(1e39, 0), "none");
        shows(Numeric::from_real(f64::NAN, 0), "none");
    }

    fn numerics() -> impl Strategy<Value = Numeric> {
        let bound = 10_i128.pow(38) - 1;
        let mantissas = prop_oneof![-bound..=bound, -1_000_000_i128..=1_000_000];
        (mantissas, 0_u8..=38).prop_map(|(mantissa, scale)| Numeric::new(mantissa, scale).unwrap())
    }

    proptest! {
        /// Against fractions of unbounded whole numbers.
        #[test]
        fn what_fits_is_right(a in numerics(), b in numerics(), scale in 0_u8..=38) {
            let ten = |exponent: u8| BigInt::from(10).pow(exponent.into());
            let (x, y) = (BigInt::from(a.mantissa()), BigInt::from(b.mantissa()));
            let exact = [
                (a.plus(b, scale), &x * ten(b.scale()) + &y * ten(a.scale()), ten(a.scale()) * ten(b.scale())),
                (a.times(b, scale), &x * &y, ten(a.scale()) * ten(b.scale())),
                (a.divided_by(b, scale), &x * ten(b.scale()), &y * ten(a.scale())),
            ];
            for (found, numerator, denominator) in exact {
                if denominator == BigInt::ZERO {
                    prop_assert!(found.is_none());
                    continue;
                }
                let right = divide_wide(&(numerator * ten(scale)), &denominator);
                match found {
                    Some(found) => prop_assert_eq!(BigInt::from(found.mantissa()), right),
                    None => prop_assert!(right.magnitude() > ten(38).magnitude() || right.magnitude() == ten(38).magnitude()),
                }
            }
        }

        #[test]
        fn order_is_that_of_values(a in numerics(), b in numerics()) {
            let wide = |n: Numeric| BigInt::from(n.mantissa()) * BigInt::from(10).pow((38 - n.scale()).into());
            prop_assert_eq!(a.cmp(&b), wide(a).cmp(&wide(b)));
            prop_assert_eq!(Numeric::parse(&a.to_string()).map(|n| n.to_string()), Some(a.to_string()));
        }
    }
}
