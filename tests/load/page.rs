//! The batches: page views of a town's site as the tracker tells them, each new in its ids and otherwise like others.
//!
//! Invariant: every batch that is written has a batch id and a view id that no other has, so that rows can be counted.

use crate::drive::Random;
use crate::server::{HOST, SITE};
use std::io::Write;

/// Pages, by which paths and titles differ.
const PAGES: u64 = 400;
const WORDS: [&str; 16] = [
    "waste",
    "library",
    "passport",
    "ferry",
    "market",
    "council",
    "swimming-pool",
    "parking",
    "school",
    "festival",
    "housing",
    "permits",
    "museum",
    "bicycle",
    "road-works",
    "youth",
];
const REFERRERS: [&str; 10] = [
    "",
    "",
    "",
    "",
    "https://www.google.be/",
    "https://www.google.com/",
    "https://www.bing.com/",
    "https://l.facebook.com/",
    "https://news.example.net/region/article-17",
    "https://www.example.org/news",
];
const LANGUAGES: [&str; 4] = ["nl-BE", "fr-BE", "en-GB", "de-DE"];
const WIDTHS: [u16; 6] = [390, 412, 768, 1280, 1536, 1920];

/// The body of one batch with places for its ids.
pub(crate) struct Page {
    body: Vec<u8>,
    batch_at: usize,
    view_at: usize,
    visit_at: usize,
}

const BATCH: &str = "BBBBBBBB-BBBB-4BBB-8BBB-BBBBBBBBBBBB";
const VIEW: &str = "VVVVVVVVVVVVVVVV";
const VISIT: &str = "TTTTTTTTTTTTTTTT";

/// Every page, with so many events to a batch: a view, and what the tracker tells of the time spent on it.
pub(crate) fn pages(events: usize) -> Vec<Page> {
    let mut random = Random::new(1);
    (0..PAGES).map(|number| Page::new(number, events, &mut random)).collect()
}

impl Page {
    fn new(number: u64, events: usize, random: &mut Random) -> Page {
        let mut pick = |list: &[&'static str]| list[random.below(list.len() as u64) as usize];
        let (section, topic) = (pick(&WORDS), pick(&WORDS));
        let (referrer, language) = (pick(&REFERRERS), pick(&LANGUAGES));
        let campaign = match number % 10 {
            0 => r#","campaign":{"source":"newsletter","medium":"email","name":"november"}"#,
            _ => "",
        };
        let width = WIDTHS[random.below(WIDTHS.len() as u64) as usize];
        let told: Vec<String> = (0..events).map(|place| event(place, events)).collect();
        let body = format!(
            r#"{{"v":1,"batch":"{BATCH}","site":"{SITE}","page":{{"view":"{VIEW}","host":"{HOST}","path":"/{section}/{topic}-{number}","title":"About {topic}: {section} in the Town of Example","referrer":"{referrer}"{campaign}}},"client":{{"visit":"{VISIT}","language":"{language}","time_zone":"Europe/Brussels","viewport_width":{width},"touch_points":0}},"events":[{}]}}"#,
            told.join(",")
        );
        let at = |id: &str| body.find(id).expect("the id stands in the body");
        let (batch_at, view_at, visit_at) = (at(BATCH), at(VIEW), at(VISIT));
        Page { body: body.into_bytes(), batch_at, view_at, visit_at }
    }

    /// Writes length and body of a batch with ids of its own behind a visitor's head.
    pub(crate) fn write(&self, request: &mut Vec<u8>, random: &mut Random) {
        write!(request, "{}\r\n\r\n", self.body.len()).expect("a Vec takes what is written to it");
        let start = request.len();
        request.extend_from_slice(&self.body);
        let body = &mut request[start..];
        let (high, low) = (random.next(), random.next());
        hex(&mut body[self.batch_at..self.batch_at + 8], high);
        hex(&mut body[self.batch_at + 9..self.batch_at + 13], high >> 32);
        hex(&mut body[self.batch_at + 15..self.batch_at + 18], high >> 48);
        hex(&mut body[self.batch_at + 20..self.batch_at + 23], low >> 48);
        hex(&mut body[self.batch_at + 24..self.batch_at + 36], low);
        hex(&mut body[self.view_at..self.view_at + 16], random.next() | 1);
        hex(&mut body[self.visit_at..self.visit_at + 16], random.next() | 1);
    }
}

fn event(place: usize, of: usize) -> String {
    let age_ms = (of - 1 - place) * 900;
    let seq = place + 1;
    match place {
        0 => format!(r#"{{"seq":{seq},"kind":"view","age_ms":{age_ms}}}"#),
        _ => format!(
            r#"{{"seq":{seq},"kind":"engagement","age_ms":{age_ms},"visible_ms":900,"engaged_ms":{}}}"#,
            500 + place
        ),
    }
}

fn hex(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}
