//! Writes a batch as JSON, by hand: formatting code and serde would weigh more than the rest of the module.
//!
//! In: the parts of a [`wire::Batch`], as they become known: the page at its view, its title with the first batch, the
//! events with each. Out: the text. Invariant: the collector reads it as exactly that batch; the tests at the foot read
//! it back with the collector's own types.

use wire::{BatchId, Client, Event, HexId, Page};

/// What all batches of a page view say of it, but for the title, up to where that follows.
pub(crate) fn page(site: &str, page: &Page, client: &Client) -> String {
    let mut out = String::with_capacity(512);
    text(&mut out, ",\"site\":", site);
    out.push_str(",\"client\":{\"visit\":\"");
    hex_id(&mut out, client.visit);
    text(&mut out, "\",\"language\":", &client.language);
    text(&mut out, ",\"time_zone\":", &client.time_zone);
    member(&mut out, ",\"viewport_width\":", u32::from(client.viewport_width));
    member(&mut out, ",\"touch_points\":", u32::from(client.touch_points));
    out.push_str("},\"page\":{\"view\":\"");
    hex_id(&mut out, page.view);
    text(&mut out, "\",\"host\":", &page.host);
    text(&mut out, ",\"path\":", &page.path);
    text(&mut out, ",\"referrer\":", &page.referrer);
    let campaign = &page.campaign;
    let mut name = ",\"campaign\":{\"source\":";
    for (value, next) in [
        (&campaign.source, ",\"medium\":"),
        (&campaign.medium, ",\"name\":"),
        (&campaign.name, ",\"term\":"),
        (&campaign.term, ",\"content\":"),
        (&campaign.content, "}"),
    ] {
        text(&mut out, name, value);
        name = next;
    }
    out.push_str(name);
    out
}

/// The rest of the page.
pub(crate) fn title(page: &mut String, title: &str) {
    text(page, ",\"title\":", title);
    page.push('}');
}

/// The body of `POST /kruimel/events`.
pub(crate) fn batch<'a>(
    id: BatchId,
    retry: bool,
    page: &str,
    events: impl Iterator<Item = &'a Event>,
) -> String {
    let mut out = String::with_capacity(1024);
    member(&mut out, "{\"v\":", u32::from(wire::VERSION));
    out.push_str(",\"batch\":\"");
    uuid(&mut out, id);
    out.push_str(if retry { "\",\"retry\":true" } else { "\"" });
    out.push_str(page);
    let mut open = ",\"events\":[{\"seq\":";
    for one in events {
        event(&mut out, open, one);
        open = ",{\"seq\":";
    }
    out.push_str("]}");
    out
}

fn event(out: &mut String, open: &str, event: &Event) {
    member(out, open, event.seq);
    out.push_str(",\"kind\":\"");
    out.push_str(event.kind.name());
    member(out, "\",\"age_ms\":", event.age_ms);
    if let Some(visible_ms) = event.visible_ms {
        member(out, ",\"visible_ms\":", visible_ms);
    }
    if let Some(engaged_ms) = event.engaged_ms {
        member(out, ",\"engaged_ms\":", engaged_ms);
    }
    out.push('}');
}

fn member(out: &mut String, name: &str, value: u32) {
    out.push_str(name);
    number(out, value);
}

/// A name with its punctuation, and a quoted text with what JSON must escape (RFC 8259, section 7).
fn text(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push('"');
    let mut plain = 0;
    for (place, byte) in value.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&value[plain..place]);
        out.push_str("\\u00");
        hex(out, u64::from(byte), 2);
        plain = place + 1;
    }
    out.push_str(&value[plain..]);
    out.push('"');
}

/// A number in decimal digits.
pub(crate) fn number(out: &mut String, value: u32) {
    if value > 9 {
        number(out, value / 10);
    }
    digit(out, value as usize % 10);
}

/// An id in sixteen digits.
pub(crate) fn hex_id(out: &mut String, id: HexId) {
    hex(out, id.0, 16);
}

fn uuid(out: &mut String, id: BatchId) {
    let (high, low) = ((id.0 >> 64) as u64, id.0 as u64);
    hex(out, high >> 32, 8);
    for (half, shift, digits) in [(high, 16, 4), (high, 0, 4), (low, 48, 4), (low, 0, 12)] {
        out.push('-');
        hex(out, half >> shift, digits);
    }
}

fn hex(out: &mut String, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        digit(out, (value >> (4 * place)) as usize & 15);
    }
}

fn digit(out: &mut String, value: usize) {
    out.push_str(&"0123456789abcdef"[value..=value]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Batch, Campaign, EventKind, limits};

    fn sample<'a>(title: &'a str, campaign: Campaign<'a>, events: Vec<Event>) -> Batch<'a> {
        Batch {
            v: wire::VERSION,
            batch: BatchId(0x0198_f2c4_9d1b_4c3e_8a55_0123_4567_89ab),
            retry: false,
            site: "example".into(),
            page: Page {
                view: HexId(0xab),
                host: "example.org".into(),
                path: "/news/2026".into(),
                title: title.into(),
                referrer: "https://search.example/".into(),
                campaign,
            },
            client: Client {
                visit: HexId(u64::MAX),
                language: "nl-BE".into(),
                time_zone: "Europe/Brussels".into(),
                viewport_width: 65_535,
                touch_points: 5,
            },
            events,
        }
    }

    fn view(seq: u32) -> Event {
        Event { seq, kind: EventKind::View, age_ms: 1_000, visible_ms: None, engaged_ms: None }
    }

    fn engagement(seq: u32) -> Event {
        let most = limits::ENGAGEMENT_MS_MAX;
        Event { seq, kind: EventKind::Engagement, age_ms: 0, visible_ms: Some(most), engaged_ms: Some(0) }
    }

    fn written(sample: &Batch) -> String {
        let mut page = page(&sample.site, &sample.page, &sample.client);
        title(&mut page, &sample.page.title);
        batch(sample.batch, sample.retry, &page, sample.events.iter())
    }

    fn check(expected: &Batch) {
        let written = written(expected);
        let read: Batch = serde_json::from_str(&written).expect("the collector reads it");
        assert_eq!(&read, expected, "{written}");
    }

    #[test]
    fn the_collector_reads_what_the_tracker_writes() {
        let campaign = Campaign { medium: "mail".into(), content: "a&b \"c\"".into(), ..Campaign::default() };
        check(&sample("Crumbs", campaign, vec![view(1), engagement(2)]));
        check(&sample("", Campaign::default(), vec![engagement(0)]));
        check(&Batch { retry: true, ..sample("", Campaign::default(), vec![view(1)]) });
        let all = Campaign {
            source: "letter".into(),
            medium: "mail".into(),
            name: "june".into(),
            term: "bread".into(),
            content: "top".into(),
        };
        check(&sample("Ünïcode \u{2028} 🍞 <script>", all, vec![view(u32::MAX)]));
    }

    #[test]
    fn what_json_must_escape_is_escaped() {
        let title = "quote \" backslash \\ line \n bell \u{7} null \0 delete \u{7f} é\"";
        check(&sample(title, Campaign::default(), vec![view(1)]));
    }

    #[test]
    fn the_largest_batch_fits_the_limit() {
        let long = |bytes: usize| "\u{1}".repeat(bytes);
        let one = long(limits::CAMPAIGN_BYTES_MAX);
        let campaign = Campaign {
            source: one.as_str().into(),
            medium: one.as_str().into(),
            name: one.as_str().into(),
            term: one.as_str().into(),
            content: one.as_str().into(),
        };
        let title = long(limits::TITLE_BYTES_MAX);
        let mut largest =
            sample(&title, campaign, (0..limits::BATCH_EVENTS_MAX).map(|_| engagement(u32::MAX)).collect());
        largest.retry = true;
        largest.page.path = long(limits::PATH_BYTES_MAX).into();
        largest.page.referrer = long(limits::REFERRER_BYTES_MAX).into();
        let bytes = written(&largest).len();
        assert!(bytes <= limits::BATCH_BYTES_MAX, "{bytes}");
    }
}
