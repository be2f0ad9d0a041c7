//! Real-valued quantities in SI base units, non-negative and finite by construction at the edges.

use std::ops::{Add, Div, Mul};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
        pub struct $name(f64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0.0);

            /// Wraps a figure given in the base unit.
            ///
            /// # Panics
            /// When the figure is NaN, infinite or negative: a bug of ours, since what a person types is checked
            /// where it is read.
            pub const fn new(base: f64) -> Self {
                assert!(base.is_finite() && base >= 0.0, "a quantity is finite and not negative");
                Self(base)
            }

            /// The figure in the base unit.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self::new(self.0 + other.0)
            }
        }

        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self::new(self.0 * factor)
            }
        }

        impl Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.0 / other.0
            }
        }
    };
}

quantity!(
    /// A length of time, in seconds.
    Seconds
);
quantity!(
    /// An amount of data, in bytes. A mean may be fractional.
    Bytes
);
quantity!(
    /// A capacity of a line, in bits a second.
    BitRate
);
quantity!(
    /// A flow of data, in bytes a second.
    ByteRate
);
quantity!(
    /// Something happening again and again, in events a second.
    Rate
);
quantity!(
    /// A share or a factor; 1 is all of it.
    Ratio
);

impl BitRate {
    /// The bytes a line of this capacity carries each second.
    pub fn bytes_per_second(self) -> ByteRate {
        ByteRate::new(self.0 / 8.0)
    }
}

impl Div<BitRate> for Bytes {
    type Output = Seconds;
    /// How long a line takes to carry this much.
    fn div(self, line: BitRate) -> Seconds {
        Seconds::new(self.0 * 8.0 / line.0)
    }
}

impl Div<ByteRate> for Bytes {
    type Output = Seconds;
    fn div(self, flow: ByteRate) -> Seconds {
        Seconds::new(self.0 / flow.0)
    }
}

impl Mul<Rate> for Bytes {
    type Output = ByteRate;
    fn mul(self, rate: Rate) -> ByteRate {
        ByteRate::new(self.0 * rate.0)
    }
}

impl Mul<Seconds> for ByteRate {
    type Output = Bytes;
    fn mul(self, time: Seconds) -> Bytes {
        Bytes::new(self.0 * time.0)
    }
}

impl Mul<Rate> for Seconds {
    /// Offered load (erlangs): arrivals a second × seconds each.
    type Output = f64;
    fn mul(self, rate: Rate) -> f64 {
        self.0 * rate.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gigabit_carries_125_megabytes_a_second() {
        assert_eq!(BitRate::new(1e9).bytes_per_second(), ByteRate::new(125e6));
        assert_eq!(Bytes::new(1_000.0) / BitRate::new(1e9), Seconds::new(8e-6));
    }

    #[test]
    fn ten_thousand_messages_of_a_kilobyte_fill_36_gigabytes_an_hour() {
        let flow = Bytes::new(1_000.0) * Rate::new(10_000.0);
        assert_eq!(flow, ByteRate::new(10e6));
        assert_eq!(flow * Seconds::new(3_600.0), Bytes::new(36e9));
    }
}
