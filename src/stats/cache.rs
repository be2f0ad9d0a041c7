//! How often a cache has what is asked of it, in closed form.
//!
//! Requests are independent of each other (the independent reference model): each is for object i with probability pᵢ,
//! here in proportion to 1/i^s (Zipf), and their times are a Poisson process. The cache keeps the C objects that were asked
//! for last (LRU).
//!
//! **Che's approximation** (H. Che, Y. Tung, Z. Wang, "Hierarchical Web caching systems", IEEE Journal on Selected Areas in
//! Communications 20, 2002): an object leaves when it was not asked for during a time τ that is the same for all, namely
//! the one for which C objects are expected inside, Σ (1 − e^(−λᵢ τ)) = C. The hit ratio is Σ pᵢ (1 − e^(−λᵢ τ)).
//!
//! Where a copy may be no older than T, what counts for an object of rate λ is the cycle that begins when it is fetched:
//! with M the hits to come until it is fetched again, its hit ratio is M/(1 + M). M = λ∫₀ᵀ A(a) da, where A(a) is the
//! chance that no gap longer than τ has come up to the age a. For T ≤ τ that is M = λT (N. C. Fofack, P. Nain,
//! G. Neglia, D. Towsley, "Analysis of TTL-based cache networks", `ValueTools` 2012). For T > τ, A(a) is 1 up to τ and
//! taken as e^(−θ(a − τ)) from there, with the θ that makes M right for endless T, e^(λτ) − 1: so it is exact at both
//! ends, and an approximation in between.

/// So many of the most popular objects are taken one by one …
const ONE_BY_ONE: f64 = 512.0;
/// … and the others in classes whose ranks grow by this factor. Within one, popularity varies by 2 % at most for s = 1.
const CLASS_GROWTH: f64 = 1.02;
/// Steps of Newton's method; it needs some ten, and more where nearly everything fits.
const MOST_STEPS: usize = 200;

/// The closed form of a cache.
#[derive(Debug, Clone, PartialEq)]
pub struct LruForm {
    /// Objects that are asked for alike.
    classes: Vec<Class>,
    /// Σ 1/rank^s.
    weights: f64,
    s: f64,
    /// The characteristic time, in requests to the cache: τ × their rate. Infinite where everything fits.
    requests: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Class {
    objects: f64,
    /// Probability of each of them.
    each: f64,
}

/// What is served from a cache in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    /// Share of the requests that the cache answers.
    pub hit_ratio: f64,
    /// Mean age of the copies served, in seconds; `None` where they may get as old as they like.
    pub mean_age: Option<f64>,
    /// Share of the requests answered with a copy of what was written since.
    pub stale_share: f64,
}

impl LruForm {
    /// A cache that holds `size` of so many objects, which are asked for in proportion to 1/rank^`s`.
    ///
    /// # Panics
    /// When there are no objects, or nothing fits: a bug of ours.
    pub fn new(objects: f64, s: f64, size: f64) -> Self {
        assert!(objects >= 1.0 && size >= 1.0 && s >= 0.0, "objects and room for one");
        let (classes, weights) = classes(objects.round(), s);
        let requests = if size >= objects.round() { f64::INFINITY } else { characteristic(&classes, size) };
        Self { classes, weights, s, requests }
    }

    /// Requests a second for the object of this rank, of `rate` to the cache.
    pub fn rate_of(&self, rank: f64, rate: f64) -> f64 {
        rate * rank.powf(-self.s) / self.weights
    }

    /// Share of the requests for an object that is asked for `each` times a second which the cache answers.
    pub fn hit_ratio_of(&self, each: f64, rate: f64, ttl: Option<f64>) -> f64 {
        Cycle::of(each, self.requests / rate, ttl.unwrap_or(f64::INFINITY)).hit_ratio()
    }

    /// Requests after which an object that nobody asked for is gone.
    pub fn characteristic_requests(&self) -> f64 {
        self.requests
    }

    /// What is served where requests come at `rate` a second, copies get at most `ttl` seconds old, and each object is
    /// written at the times of a Poisson process of `writes` a second. Without a ttl the hit ratio is the same at any rate.
    pub fn served(&self, rate: f64, ttl: Option<f64>, writes: f64) -> Served {
        let (mut hits, mut ages, mut stale) = (0.0, 0.0, 0.0);
        for class in &self.classes {
            let share = class.objects * class.each;
            let cycle = Cycle::of(rate * class.each, self.requests / rate, ttl.unwrap_or(f64::INFINITY));
            hits += share * cycle.hit_ratio();
            stale += share * cycle.stale(writes);
            if ttl.is_some() {
                ages += share * cycle.ages();
            }
        }
        // What holds everything, for ever, misses nothing: no rounding either.
        let hits = if ttl.is_none() && self.requests == f64::INFINITY { 1.0 } else { hits };
        Served {
            hit_ratio: hits.clamp(0.0, 1.0),
            mean_age: ttl.filter(|_| hits > 0.0).map(|_| ages / hits),
            stale_share: stale.clamp(0.0, 1.0),
        }
    }
}

/// The time from one fetch of an object to the next.
struct Cycle {
    /// Requests a second for the object.
    rate: f64,
    /// Its age at which no copy has been given up: τ, or the ttl where that is shorter.
    sure: f64,
    /// How long after that the ttl ends it.
    rest: f64,
    /// θ.
    fading: f64,
    /// Mean hits in it.
    hits: f64,
}

impl Cycle {
    fn of(rate: f64, characteristic: f64, ttl: f64) -> Self {
        let sure = characteristic.min(ttl);
        let rest = if ttl > characteristic { ttl - characteristic } else { 0.0 };
        let x = rate * characteristic;
        // (e^x − 1 − x)/λ is how much longer than τ a copy is there; for small x its series.
        let beyond = if x < 1e-4 { x * x / 2.0 + x * x * x / 6.0 } else { x.exp_m1() - x };
        let fading = if beyond > 0.0 { rate / beyond } else { f64::INFINITY };
        let hits = rate * (sure + decaying(fading, rest));
        Self { rate, sure, rest, fading, hits }
    }

    fn hit_ratio(&self) -> f64 {
        if self.hits.is_finite() { self.hits / (1.0 + self.hits) } else { 1.0 }
    }

    /// Sum of the ages of the copies served, by the requests of the cycle.
    fn ages(&self) -> f64 {
        let Self { rate, sure, rest, fading, hits } = *self;
        let first = sure * sure / 2.0;
        let later = if rest == 0.0 {
            0.0
        } else if fading * rest < 1e-6 {
            sure * rest + rest * rest / 2.0
        } else if fading.is_finite() {
            let gone = (-fading * rest).exp();
            sure * (1.0 - gone) / fading + (1.0 - gone * (1.0 + fading * rest)) / (fading * fading)
        } else {
            0.0
        };
        rate * (first + later) / (1.0 + hits)
    }

    /// Share of the requests answered with what was written since.
    fn stale(&self, writes: f64) -> f64 {
        if writes <= 0.0 || self.hits <= 0.0 {
            return 0.0;
        }
        let unchanged =
            decaying(writes, self.sure) + (-writes * self.sure).exp() * decaying(self.fading + writes, self.rest);
        let fresh = if self.hits.is_finite() { self.rate * unchanged / (1.0 + self.hits) } else { 0.0 };
        (self.hit_ratio() - fresh).max(0.0)
    }
}

/// ∫₀ᵘ e^(−θa) da.
fn decaying(theta: f64, u: f64) -> f64 {
    if u <= 0.0 || theta == f64::INFINITY {
        0.0
    } else if theta * u < 1e-12 {
        u
    } else {
        -(-theta * u).exp_m1() / theta
    }
}

/// The objects by popularity, the first ranks one by one and the others in classes; and the sum of all weights.
fn classes(objects: f64, s: f64) -> (Vec<Class>, f64) {
    let mut classes = Vec::new();
    let mut rank = 1.0;
    while rank <= objects {
        let width = if rank <= ONE_BY_ONE { 1.0 } else { (rank * (CLASS_GROWTH - 1.0)).ceil() };
        let next = (rank + width).min(objects + 1.0);
        let n = next - rank;
        // The integral over ranks from a half below the first to a half above the last.
        let weight = if n <= 1.0 { rank.powf(-s) } else { power_integral(rank - 0.5, next - 0.5, s) / n };
        classes.push(Class { objects: n, each: weight });
        rank = next;
    }
    let all: f64 = classes.iter().map(|class| class.objects * class.each).sum();
    for class in &mut classes {
        class.each /= all;
    }
    (classes, all)
}

/// ∫ r^(−s) dr from a to b.
fn power_integral(a: f64, b: f64, s: f64) -> f64 {
    let log = (b / a).ln();
    let z = (1.0 - s) * log;
    // a^(1−s) (e^z − 1)/(1 − s), which has a limit at s = 1.
    a.powf(1.0 - s) * if z.abs() < 1e-9 { log } else { z.exp_m1() / (1.0 - s) }
}

/// Solves Σ (1 − e^(−p R)) = C for R. The sum is concave and never more than R, so from R = C on Newton's method goes up to
/// the root and never past it.
fn characteristic(classes: &[Class], size: f64) -> f64 {
    let mut requests = size;
    for _ in 0..MOST_STEPS {
        let (mut inside, mut slope) = (0.0, 0.0);
        for Class { objects, each } in classes {
            let gone = (-each * requests).exp();
            inside += objects * -(-each * requests).exp_m1();
            slope += objects * each * gone;
        }
        let missing = size - inside;
        if missing <= 1e-10 * size || slope <= 0.0 {
            break;
        }
        requests += missing / slope;
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit_ratio(objects: f64, s: f64, size: f64) -> f64 {
        LruForm::new(objects, s, size).served(1.0, None, 0.0).hit_ratio
    }

    #[test]
    fn evenly_popular_objects_are_hit_by_their_share() {
        for (objects, size) in [(2.0, 1.0), (1_000.0, 10.0), (1e6, 250_000.0), (1e12, 1e9)] {
            let found = hit_ratio(objects, 0.0, size);
            assert!((found - size / objects).abs() < 1e-9, "{objects} {size}: {found}");
        }
        assert_eq!(hit_ratio(100.0, 0.9, 100.0), 1.0);
        assert_eq!(hit_ratio(1.0, 0.9, 5.0), 1.0);
    }

    /// Classes lose nothing against each rank for itself.
    #[test]
    fn classes_stand_for_their_ranks() {
        for s in [0.0, 0.7, 1.0, 1.3] {
            let (objects, size) = (100_000_u32, 2_000.0);
            let weights: Vec<f64> = (1..=objects).map(|rank| f64::from(rank).powf(-s)).collect();
            let all: f64 = weights.iter().sum();
            let each: Vec<Class> = weights.iter().map(|w| Class { objects: 1.0, each: w / all }).collect();
            let requests = characteristic(&each, size);
            let right: f64 = each.iter().map(|c| c.each * (1.0 - (-c.each * requests).exp())).sum();
            let found = hit_ratio(f64::from(objects), s, size);
            assert!((found - right).abs() < 2e-5, "{s}: {found} {right}");
        }
    }

    /// Where everything fits, only age ends a copy: λT/(1 + λT), mean age T/2, and stale by 1 − (1 − e^(−wT))/(wT).
    #[test]
    fn age_alone() {
        let form = LruForm::new(10.0, 0.0, 10.0);
        let (rate, ttl, writes) = (20.0, 3.0, 0.2);
        let served = form.served(rate, Some(ttl), writes);
        let hits = rate / 10.0 * ttl;
        assert!((served.hit_ratio - hits / (1.0 + hits)).abs() < 1e-12);
        assert!((served.mean_age.unwrap() - ttl / 2.0).abs() < 1e-12);
        let w = writes * ttl;
        let stale = served.hit_ratio * (1.0 - (1.0 - (-w).exp()) / w);
        assert!((served.stale_share - stale).abs() < 1e-12);
    }

    #[test]
    fn a_long_life_is_as_good_as_an_endless_one() {
        let form = LruForm::new(10_000.0, 0.8, 500.0);
        let endless = form.served(100.0, None, 1.0);
        let long = form.served(100.0, Some(1e12), 1.0);
        assert!((endless.hit_ratio - long.hit_ratio).abs() < 1e-9, "{endless:?} {long:?}");
        assert!((endless.stale_share - long.stale_share).abs() < 1e-9);
        assert_eq!((endless.mean_age, form.served(5.0, None, 0.0).hit_ratio), (None, endless.hit_ratio));
        let mut last = 0.0;
        for ttl in [0.1, 1.0, 10.0, 100.0, 1_000.0] {
            let found = form.served(100.0, Some(ttl), 0.01);
            assert!(found.hit_ratio > last && found.hit_ratio <= endless.hit_ratio + 1e-9, "{ttl}: {found:?}");
            assert!(found.mean_age.unwrap() <= ttl / 2.0 + 1e-9 && found.stale_share < found.hit_ratio);
            last = found.hit_ratio;
        }
    }
}
