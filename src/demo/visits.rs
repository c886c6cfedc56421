//! What sample visitors do: when they come, from where, with what, and which pages they read. Invented, and the same
//! every time.

use super::chance::Chance;

/// Pages of the demo site with their titles, and how often each is read.
const PAGES: [(u64, (&str, &str)); 14] = [
    (30, ("/", "Kaaidam")),
    (18, ("/news/night-ferry", "The night ferry is back")),
    (12, ("/news/library-on-sunday", "Library in the Molenwijk opens on Sundays")),
    (9, ("/news/summer-streets", "Three streets try a summer without through traffic")),
    (7, ("/news/swimming-in-the-docks", "Water in the docks clean enough for swimming")),
    (6, ("/nieuws/lindeplein", "Denk mee over het Lindeplein")),
    (8, ("/news", "News")),
    (6, ("/film", "A walk along the docks")),
    (6, ("/have-your-say", "Have your say")),
    (5, ("/downloads", "Downloads")),
    (7, ("/shop", "City shop")),
    (3, ("/shop/biscuit-tin", "Biscuit tin")),
    (3, ("/shop/ferry-mug", "Ferry mug")),
    (4, ("/map", "Map of the city")),
];

/// Referring addresses and how often they bring someone.
const REFERRERS: [(u64, &str); 14] = [
    (34, ""),
    (32, "https://www.google.be/"),
    (5, "https://www.bing.com/"),
    (4, "https://duckduckgo.com/"),
    (3, "https://www.ecosia.org/"),
    (6, "https://l.facebook.com/"),
    (3, "https://www.instagram.com/"),
    (2, "https://www.linkedin.com/"),
    (2, "https://bsky.app/"),
    (2, "https://www.reddit.com/"),
    (3, "https://chatgpt.com/"),
    (2, "https://nieuws.kaaidamse-courant.example/verkeer"),
    (1, "https://buurthuis.example/"),
    (1, "https://mail.google.com/"),
];

const USER_AGENTS: [(u64, &str); 9] = [
    (
        30,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    (
        22,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ),
    (
        14,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
    ),
    (
        8,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    ),
    (7, "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"),
    (
        6,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    ),
    (
        6,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    ),
    (
        4,
        "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ),
    (
        3,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 OPR/124.0.0.0",
    ),
];

const TIME_ZONES: [(u64, &str); 7] = [
    (70, "Europe/Brussels"),
    (15, "Europe/Amsterdam"),
    (5, "Europe/Paris"),
    (4, "Europe/Berlin"),
    (3, "Europe/London"),
    (2, "Europe/Istanbul"),
    (1, "America/New_York"),
];

/// Visitors of a day by the hour they come, in Brussels' winter time.
const HOURS: [u64; 24] = [1, 1, 0, 0, 0, 1, 2, 5, 8, 9, 9, 8, 8, 8, 8, 8, 8, 8, 7, 7, 8, 7, 5, 3];
/// Weekdays from Monday, in percent of an ordinary day.
const WEEKDAYS: [u64; 7] = [112, 108, 106, 100, 96, 72, 66];

/// One sample visit.
pub(crate) struct Visit {
    pub(crate) start_ms: i64,
    pub(crate) user_agent: &'static str,
    pub(crate) time_zone: &'static str,
    pub(crate) referrer: &'static str,
    pub(crate) newsletter: bool,
    pub(crate) views: Vec<View>,
}

impl Visit {
    /// The next visit of the same person, some days later.
    pub(crate) fn again(&self, chance: &mut Chance) -> Visit {
        let later_ms = (1 + chance.below(9)) as i64 * 86_400_000 + chance.below(7_200_000) as i64;
        let next = visit(0, chance);
        Visit {
            start_ms: self.start_ms + later_ms,
            user_agent: self.user_agent,
            time_zone: self.time_zone,
            ..next
        }
    }
}

/// One page view of a sample visit.
pub(crate) struct View {
    pub(crate) path: &'static str,
    pub(crate) title: &'static str,
    pub(crate) visible_ms: u32,
    pub(crate) engaged_ms: u32,
}

/// How many visitors come on a day, counted in days since 1970: a working week, slow growth, a few busy days.
pub(crate) fn visitors_of(day: i64, days_ago: u64, chance: &mut Chance) -> u64 {
    let weekday = WEEKDAYS[(day + 3).rem_euclid(7) as usize];
    let growth = 130_u64.saturating_sub(days_ago / 3);
    let busy = if chance.percent(4) { 175 } else { 92 + chance.below(17) };
    growth * weekday * busy / 10_000
}

/// One visit on a day.
pub(crate) fn visit(day: i64, chance: &mut Chance) -> Visit {
    let hours: Vec<(u64, usize)> = HOURS.iter().enumerate().map(|(hour, &weight)| (weight, hour)).collect();
    let hour = chance.pick(&hours) as i64;
    let start_ms = day * 86_400_000 + hour * 3_600_000 + chance.below(3_600_000) as i64 - 3_600_000;
    let count = chance.pick(&[(40, 1), (22, 2), (16, 3), (10, 4), (6, 6), (3, 9), (1, 14)]);
    Visit {
        start_ms,
        user_agent: chance.pick(&USER_AGENTS),
        time_zone: chance.pick(&TIME_ZONES),
        referrer: chance.pick(&REFERRERS),
        newsletter: chance.percent(5),
        views: (0..count).map(|_| view(chance)).collect(),
    }
}

fn view(chance: &mut Chance) -> View {
    let (path, title) = chance.pick(&PAGES);
    let engaged_ms =
        (2_000 + chance.below(20_000) + if chance.percent(25) { chance.below(180_000) } else { 0 }) as u32;
    View { path, title, visible_ms: engaged_ms + chance.below(15_000) as u32, engaged_ms }
}
