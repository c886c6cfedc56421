//! Sample history: generated decisions and batches go through the real pipeline and spool with a past clock, and every
//! row is marked as a sample. `kruimel sample remove` takes them out again.

use super::chance::Chance;
use super::visits::{View, Visit, visit, visitors_of};
use anyhow::{Context, Result};
use collector::Collector;
use collector::config::Site;
use collector::keys::random_u64;
use collector::ledger::LedgerRow;
use collector::pipeline::{ClientIp, Credentials, Request, process};
use collector::receipt::{VisitorCookie, sign, timestamp};
use collector::spool::{Record, Table};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::task::JoinSet;
use wire::{
    Batch, BatchId, Campaign, Client, DecisionAction, DecisionRequest, Event, EventKind, HexId, Page,
    Receipt, Surface,
};

const MS_PER_DAY: i64 = 86_400_000;
/// Records on their way to the disk at one time: enough to share each sync, few enough to stay small.
const APPENDS_UNDER_WAY_MAX: usize = 256;
const SEED: u64 = 0x006b_7275_696d_656c;

/// Fills the days before today. Returns the number of rows.
pub(crate) async fn fill(collector: &Arc<Collector>, days: u64) -> Result<usize> {
    let site = collector.config.sites.first().context("the demo has a site")?.clone();
    let today = (collector.clock)().div_euclid(MS_PER_DAY);
    // A batch of an earlier fill must not be taken for a repeat of this one's.
    let run = random_u64();
    let mut appends = JoinSet::new();
    let mut rows = 0;
    for days_ago in (1..=days).rev() {
        let day = today - days_ago as i64;
        let mut chance = Chance::new(SEED ^ day as u64);
        for _ in 0..visitors_of(day, days_ago, &mut chance) {
            for mut record in visitor(collector, &site, day, today, &mut chance)? {
                rows += record.rows.len();
                record.batch = record.batch.map(|batch| BatchId(batch.0 ^ u128::from(run)));
                append(collector, &mut appends, record).await?;
            }
        }
    }
    while let Some(done) = appends.join_next().await {
        done??;
    }
    collector.spool.settled().await;
    Ok(rows)
}

async fn append(collector: &Arc<Collector>, appends: &mut JoinSet<Result<()>>, record: Record) -> Result<()> {
    if appends.len() >= APPENDS_UNDER_WAY_MAX
        && let Some(done) = appends.join_next().await
    {
        done??;
    }
    let collector = Arc::clone(collector);
    appends.spawn(async move {
        collector.spool.append(record).await.context("the sample history cannot be written")?;
        Ok(())
    });
    Ok(())
}

/// One visitor: a decision, and where it granted analytics and was not withdrawn, one visit or several.
fn visitor(
    collector: &Collector,
    site: &Site,
    day: i64,
    today: i64,
    chance: &mut Chance,
) -> Result<Vec<Record>> {
    let mut visit = visit(day, chance);
    let action = chance.pick(&[
        (52, DecisionAction::Accept),
        (31, DecisionAction::Refuse),
        (17, DecisionAction::Save),
    ]);
    let request = decision(site, action, chance);
    let is_granted = |name: &&str| *name == "necessary" || request.categories.iter().any(|one| one == name);
    let granted: Vec<String> = site.category_names().filter(is_granted).map(str::to_owned).collect();
    if granted.len() <= 1 {
        let row = LedgerRow::refusal(site, site.revision, &request.text, visit.start_ms, true);
        return Ok(vec![ledger(&row)]);
    }
    let request = DecisionRequest { categories: granted.clone(), ..request };
    let person = Person { consent_id: HexId(chance.next()), visitor_id: HexId(chance.next()), granted };
    let row = LedgerRow::grant(site, &request, person.consent_id, None, visit.start_ms, true);
    let mut records = vec![ledger(&row)];
    if chance.percent(3) {
        // Whoever withdraws leaves the ledger's two rows and nothing else.
        let end_ms = visit.start_ms + 600_000;
        records.push(ledger(&LedgerRow::withdrawal(site, &request, person.consent_id, end_ms, true)));
        return Ok(records);
    }
    if person.granted.iter().any(|name| name == "analytics") {
        let receipt = sign(receipt(site, &visit, &person), collector::now_ms(), &collector.keys);
        let again = chance.pick(&[(66, 0), (20, 1), (9, 2), (5, 4)]);
        for _ in 0..=again {
            records.extend(batches(collector, site, &visit, &person, &receipt, chance)?);
            visit = visit.again(chance);
            if visit.start_ms.div_euclid(MS_PER_DAY) >= today {
                break;
            }
        }
    }
    Ok(records)
}

/// Who a sample visitor is to the collector.
struct Person {
    consent_id: HexId,
    visitor_id: HexId,
    granted: Vec<String>,
}

fn decision(site: &Site, action: DecisionAction, chance: &mut Chance) -> DecisionRequest {
    let optional = site.category_names().filter(|name| *name != "necessary");
    let categories = match action {
        DecisionAction::Accept => optional.map(str::to_owned).collect(),
        DecisionAction::Save => optional
            .filter(|name| chance.percent(if *name == "analytics" { 70 } else { 35 }))
            .map(str::to_owned)
            .collect(),
        DecisionAction::Refuse | DecisionAction::Withdraw => Vec::new(),
    };
    DecisionRequest {
        v: wire::VERSION,
        site: site.id.to_string(),
        action,
        categories,
        services: Default::default(),
        revision: site.revision,
        text: String::new(),
        language: site.language.code().to_owned(),
        surface: if action == DecisionAction::Save { Surface::Preferences } else { Surface::Notice },
        earlier: None,
        reset: None,
        session: false,
        of_age: false,
        until_day: None,
    }
}

fn ledger(row: &LedgerRow) -> Record {
    Record::of(Table::Consents, vec![row.encode()].into())
}

/// One batch a page view, as the tracker sends them, with the clock of the visit.
fn batches(
    collector: &Collector,
    site: &Site,
    visit: &Visit,
    person: &Person,
    receipt: &str,
    chance: &mut Chance,
) -> Result<Vec<Record>> {
    let visit_id = HexId(chance.next());
    let visitor = VisitorCookie { id: person.visitor_id, created_s: visit.start_ms.div_euclid(1_000) };
    let visitor = visitor.sign(site.id.as_str(), visit.start_ms, &collector.keys);
    let address = Ipv4Addr::new(198, 51, 100, chance.below(250) as u8 + 1);
    let mut now_ms = visit.start_ms;
    let mut records = Vec::new();
    for (place, view) in visit.views.iter().enumerate() {
        now_ms += i64::from(view.visible_ms);
        let body = serde_json::to_vec(&batch(site, visit, view, place == 0, visit_id, chance))?;
        let request = Request {
            body: &body,
            address: ClientIp::new(address.into()).truncate(),
            user_agent: visit.user_agent,
            credentials: Credentials { consent: Some(receipt), visitor: Some(&visitor) },
            now_ms,
            sample: true,
        };
        let processed = collector
            .with_tables(|tables| process(&request, tables))
            .context("a sample batch was refused")?;
        let (batch, consent_id) = (Some(processed.batch), person.consent_id.0);
        records.push(Record { batch, consent_id, ..Record::of(Table::Events, processed.rows) });
    }
    Ok(records)
}

fn receipt(site: &Site, visit: &Visit, person: &Person) -> Receipt {
    let at = timestamp(visit.start_ms);
    Receipt {
        categories: person.granted.clone(),
        services: Default::default(),
        revision: site.revision,
        consent_id: person.consent_id,
        consent_timestamp: at.clone(),
        last_consent_timestamp: at,
        language_code: site.language.code().to_owned(),
        expiration_time: u64::try_from(visit.start_ms + i64::from(site.choice_days) * MS_PER_DAY)
            .unwrap_or(0),
        session: false,
        site: site.id.to_string(),
        key: String::new(),
    }
}

fn batch<'a>(
    site: &'a Site,
    visit: &'a Visit,
    view: &'a View,
    is_first: bool,
    visit_id: HexId,
    chance: &mut Chance,
) -> Batch<'a> {
    let text = |when: bool, value: &'static str| if when { value.into() } else { "".into() };
    let campaign = is_first && visit.newsletter;
    let event = |seq, kind, age_ms| Event { seq, kind, age_ms, visible_ms: None, engaged_ms: None };
    Batch {
        retry: false,
        v: wire::VERSION,
        batch: BatchId((u128::from(chance.next()) << 64) | u128::from(chance.next())),
        site: site.id.as_str().into(),
        page: Page {
            view: HexId(chance.next().max(1)),
            host: "localhost".into(),
            path: view.path.into(),
            title: view.title.into(),
            referrer: text(is_first && !campaign, visit.referrer),
            campaign: Campaign {
                source: text(campaign, "city newsletter"),
                medium: text(campaign, "email"),
                name: text(campaign, "november"),
                ..Campaign::default()
            },
        },
        client: Client {
            visit: visit_id,
            language: "nl-BE".into(),
            time_zone: visit.time_zone.into(),
            viewport_width: if visit.user_agent.contains("Mobile") { 390 } else { 1440 },
            touch_points: 0,
        },
        events: vec![
            event(1, EventKind::View, view.visible_ms),
            Event {
                visible_ms: Some(view.visible_ms),
                engaged_ms: Some(view.engaged_ms),
                ..event(2, EventKind::Engagement, 0)
            },
        ],
    }
}
