//! Step 3, `enrich`: place, device and source are added to what was admitted, each only as far as it was granted.
//!
//! They are the same for every event of a batch, so they are worked out once, as [`Surroundings`].

use super::agent::Agent;
use super::consent::{ADVERTISING, ANALYTICS};
use super::page::{self, PageText};
use super::{Admitted, ConsentedEvent, Device, Geo, Place, RawBatch, Source, TruncatedIp, geo, source};
use crate::config::Site;
use wire::limits::{CAMPAIGN_BYTES_MAX, LANGUAGE_BYTES_MAX, PATH_BYTES_MAX, TITLE_BYTES_MAX};

/// What surrounds the events of one batch. A field is filled only through [`super::Grants::only`].
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub(super) address: Option<TruncatedIp>,
    pub(super) path: PageText<'a>,
    pub(super) title: PageText<'a>,
    pub(super) place: Place,
    pub(super) device: Device,
    pub(super) source: Source,
    pub(super) campaign: CampaignText<'a>,
    pub(super) language: &'a str,
    pub(super) viewport_width: u16,
}

/// The campaign parameters that may be stored.
#[derive(Debug, Default)]
pub(super) struct CampaignText<'a> {
    pub(super) source: PageText<'a>,
    pub(super) medium: PageText<'a>,
    pub(super) name: PageText<'a>,
    pub(super) term: PageText<'a>,
    pub(super) content: PageText<'a>,
}

/// An event with all that will be stored of it.
#[derive(Debug)]
pub struct EnrichedEvent<'a> {
    pub(super) consented: ConsentedEvent<'a>,
    pub(super) around: &'a Surroundings<'a>,
}

/// Works out what surrounds the events of an admitted batch.
pub fn surroundings<'a>(
    raw: &'a RawBatch<'_>,
    site: &Site,
    admitted: &Admitted,
    address: TruncatedIp,
    agent: &Agent,
    geo: Option<&Geo>,
) -> Surroundings<'a> {
    let grants = admitted.grants();
    let text = |value: &'a str| PageText::new(value, CAMPAIGN_BYTES_MAX);
    let campaign = &raw.page.campaign;
    Surroundings {
        address: grants.only(ANALYTICS, Some(address)),
        path: grants.only(ANALYTICS, page::path(&raw.page.path, PATH_BYTES_MAX)),
        title: grants.only(ANALYTICS, PageText::new(&raw.page.title, TITLE_BYTES_MAX)),
        place: grants.only(ANALYTICS, geo::place(geo, address, &raw.client.time_zone)),
        device: grants.only(ANALYTICS, agent.device(raw.client.touch_points)),
        source: grants.only(ANALYTICS, source::source(&raw.page, site)),
        campaign: CampaignText {
            source: grants.only(ANALYTICS, text(&campaign.source)),
            medium: grants.only(ANALYTICS, text(&campaign.medium)),
            name: grants.only(ANALYTICS, text(&campaign.name)),
            // Which advertisement and which search word: that is about advertising, and needs its consent.
            term: grants.only(ADVERTISING, text(&campaign.term)),
            content: grants.only(ADVERTISING, text(&campaign.content)),
        },
        language: grants.only(ANALYTICS, page::language(&raw.client.language, LANGUAGE_BYTES_MAX)),
        viewport_width: grants.only(ANALYTICS, raw.client.viewport_width),
    }
}

/// Joins an event with its surroundings.
pub fn enrich<'a>(consented: ConsentedEvent<'a>, around: &'a Surroundings<'a>) -> EnrichedEvent<'a> {
    EnrichedEvent { consented, around }
}
