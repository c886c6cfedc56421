//! The numbers, through the real parts: generated rows in the real engine, asked over the real router, and counted again in
//! plain Rust without any SQL.
//!
//! `cargo test -p kruimel-dashboards --test numbers` runs the checks. With `-- serve` the same rows are shown on
//! 127.0.0.1:7799 until it is stopped, to look at. The subcommand `engine` is the engine's own process.

// Clippy knows test functions, and not a test program of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod api;
mod count;
mod data;
mod pages;
mod readme;
mod stand;
mod totals;

use stand::Stand;
use std::future::Future;
use std::path::PathBuf;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match arguments.first().map(String::as_str) {
        Some("engine") => runtime.block_on(engine(&arguments[1..])),
        Some("serve") => runtime.block_on(stand::serve()),
        _ => runtime.block_on(checks()),
    }
}

async fn checks() {
    // A question that fails says why in the log.
    tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).init();
    let stand = Stand::start().await;
    run("every_figure_of_every_period_equals_a_count_without_sql", totals::figures(&stand)).await;
    run("every_bucket_equals_a_count_without_sql_also_when_the_clocks_change", totals::buckets(&stand)).await;
    run("every_row_of_every_dimension_equals_a_count_without_sql", totals::rows(&stand)).await;
    run("a_filter_chooses_whole_visits", totals::filters(&stand)).await;
    run("decisions_equal_a_count_without_sql", totals::decisions(&stand)).await;
    run("a_visit_over_midnight_is_no_bounce_on_either_day", totals::midnight(&stand)).await;
    run("sites_do_not_see_each_other", totals::sites(&stand)).await;
    run("the_page_shows_the_numbers_of_the_json", pages::page_and_json_agree(&stand)).await;
    run("what_visitors_control_is_escaped", pages::escaping(&stand)).await;
    run("sample_rows_are_named_where_they_count", pages::sample_note(&stand)).await;
    run("a_site_without_anything_shows_the_first_steps", pages::empty(&stand)).await;
    run("every_link_of_the_page_leads_somewhere", pages::links(&stand)).await;
    run("only_our_own_names_and_pages_are_answered_to", pages::guard(&stand)).await;
    run("the_description_names_every_route_and_the_answers_fit_it", api::description(&stand)).await;
    run("the_shape_of_the_json_stays", api::shapes(&stand)).await;
    run("what_is_not_understood_gets_a_sentence", api::refusals(&stand)).await;
    run("csv_holds_the_numbers_of_the_json", api::csv(&stand)).await;
    run("the_readme_of_the_schema_describes_every_column", readme::columns(&stand)).await;
    run("every_question_of_the_readme_has_an_answer", readme::questions(&stand)).await;
    run("a_question_can_only_read", api::read_only(&stand)).await;
    stand.stop_engine().await;
    run("without_the_engine_there_is_a_page_that_says_so", pages::engine_away(&stand)).await;
    println!("all checks passed");
}

/// Runs one check. A failed one panics with its own words, and the process ends with an error.
async fn run(name: &str, check: impl Future<Output = ()>) {
    println!("{name} …");
    check.await;
}

async fn engine(arguments: &[String]) {
    let mut options = engine::Options::new(PathBuf::new(), PathBuf::new());
    for pair in arguments.chunks(2) {
        match pair[0].as_str() {
            "--data" => options.data = PathBuf::from(&pair[1]),
            "--socket" => options.socket = PathBuf::from(&pair[1]),
            "--library" => options.library = Some(PathBuf::from(&pair[1])),
            "--threads" => options.threads = Some(pair[1].parse().unwrap()),
            other => panic!("no such argument: {other}"),
        }
    }
    if let Err(error) = engine::serve(options, std::future::pending()).await {
        panic!("{error}");
    }
}
