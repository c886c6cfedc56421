//! What a config may not say, each with the line it is reported at; and that what we ship is read.

use super::*;

const EXAMPLE: &str = include_str!("../../../deploy/kruimel.example.toml");

/// A whole, lawful config; lines 1 to 11.
const WHOLE: &str = r#"[listen]
direct = true

[[site]]
id = "example"
name = "Example"
hosts = ["example.org"]
controller = "City of Example"
contact = "privacy@example.org"
time_zone = "Europe/Brussels"
languages = ["en", "nl"]
"#;

const SERVICE: &str = r#"
[[site.service]]
id = "film"
category = "functional"
name = "Film"
provider = "Film BV"
purpose = "Shows films."
"#;

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_toml(text, "kruimel.toml", variables)
}

fn lines(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let said = read(text, variables).expect_err(text).to_string();
    said.lines().map(str::to_owned).collect()
}

/// The config has exactly one error, and its line begins and goes on like this.
fn check(text: &str, begins: &str, mend: &str) {
    let said = lines(text, &[]);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].starts_with(begins), "expected {begins}\n   found {}", said[0]);
    let mended = said[0].split_once(" Mend: ").map_or("", |(_, mend)| mend);
    assert!(mended.contains(mend), "expected {mend}\n   found {mended}");
}

/// [`WHOLE`] with one line (counted from 1) replaced.
fn with_line(number: usize, line: &str) -> String {
    let replaced = |(index, old)| if index + 1 == number { line } else { old };
    WHOLE.lines().enumerate().map(replaced).collect::<Vec<_>>().join("\n")
}

fn with_more(line: &str) -> String {
    format!("{WHOLE}{line}\n")
}

fn with_service(line: &str) -> String {
    format!("{WHOLE}{SERVICE}{line}\n")
}

#[test]
fn an_error_is_one_line_whatever_the_value_or_the_key_that_it_repeats() {
    let category = format!("{WHOLE}{}", SERVICE.replace("\"functional\"", "\"functi\\nal\\u001b\""));
    check(
        &category,
        "kruimel.toml:15: site.service.category: The site has no category \"functi\\nal\\u{1b}\".",
        "",
    );
    check(&with_more("\"a\\nb\" = 1"), "kruimel.toml:12: site.a\\nb: ", "");
}

#[test]
fn the_example_is_read_and_is_what_the_defaults_say() {
    let config = Config::from_toml(EXAMPLE, "deploy/kruimel.toml", std::iter::empty());
    let config = config.map_err(|errors| errors.to_string()).unwrap();
    assert_eq!(config.data_dir, Path::new("deploy/data"));
    assert_eq!(config.store.url, StoreUrl::Embedded);
    assert_eq!(
        config.spool,
        SpoolOptions { bytes_max: 1 << 30, segment_bytes: 4 << 20, segment_age_ms: 1_000 }
    );
    let site = config.site("example").unwrap();
    assert_eq!(site.choice_days, 182);
    assert_eq!(site.services.len(), 4);
    assert_eq!(site.services[2].cookies[0].purpose.in_language(Language::Nl), "Onthoudt volume en kwaliteit");
    assert_eq!(site.services[3].id.as_str(), "youtube-nocookie");
}

#[test]
fn every_default_of_the_example_is_a_value_that_is_taken() {
    let uncommented: String = EXAMPLE.lines().map(uncomment).collect::<Vec<_>>().join("\n");
    let config = Config::from_toml(&uncommented, "kruimel.toml", std::iter::empty());
    let config = config.map_err(|errors| errors.to_string()).unwrap();
    let plain = Config::from_toml(EXAMPLE, "kruimel.toml", std::iter::empty()).unwrap();
    assert_eq!(config.listen.public, plain.listen.public);
    assert_eq!(config.listen.admin, plain.listen.admin);
    assert_eq!(config.listen.client_ip_header, plain.listen.client_ip_header);
    assert_eq!(config.listen.prefix, plain.listen.prefix);
    let limits = ConnectionLimits { connections_max: None, ..config.listen.limits };
    assert_eq!(limits, plain.listen.limits);
    assert_eq!(config.listen.requests_max, plain.listen.requests_max);
    assert_eq!(config.listen.rate, plain.listen.rate);
    assert_eq!(config.data_dir, plain.data_dir);
    assert_eq!(config.spool, plain.spool);
    assert_eq!(config.store.database, plain.store.database);
    let (site, expected) = (&config.sites[0], &plain.sites[0]);
    assert_eq!(site.retention_table(), expected.retention_table());
    assert_eq!(site.position, expected.position);
    assert_eq!(site.languages, expected.languages);
    assert_eq!((site.revision, site.choice_days, site.google), (1, expected.choice_days, expected.google));
    assert_eq!(site.services, expected.services);
}

/// `# key = value` loses its mark; a sentence keeps it.
fn uncomment(line: &str) -> &str {
    let bare = line.strip_prefix("# ").unwrap_or(line);
    let key = bare.split(" = ").next().unwrap_or_default();
    let is_setting =
        bare.contains(" = ") && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_setting { bare } else { line }
}

#[test]
fn the_demo_is_lawful_and_declares_kruimel_itself() {
    let address = |text: &str| text.parse().unwrap();
    let config = Config::demo("here".into(), address("127.0.0.1:1"), address("127.0.0.1:2"));
    let site = config.site("demo").unwrap();
    assert!(config.listen.direct);
    assert_eq!(config.data_dir, Path::new("here"));
    assert_eq!(site.hosts.iter().map(Host::as_str).collect::<Vec<_>>(), ["localhost", "127.0.0.1"]);
    let cookies = |category| {
        let name = CategoryName::from(category);
        let of_service =
            |service: &Service| service.cookies.iter().map(|cookie| cookie.name.clone()).collect::<Vec<_>>();
        site.services_of(&name).flat_map(of_service).collect::<Vec<_>>()
    };
    assert_eq!(cookies(wire::Category::Necessary), ["kruimel", "kruimel", "basket"]);
    assert_eq!(cookies(wire::Category::Analytics), ["kruimel_id", "kruimel_visit", "lh_seen"]);
    assert_eq!(site.third_parties(), 4);
}

#[test]
fn a_wrong_listener_is_told_with_its_mend() {
    check(
        &with_line(2, "public = \"nowhere\"\ndirect = true"),
        "kruimel.toml:2: listen.public: \"nowhere\"",
        "127.0.0.1:7700",
    );
    check(
        &with_line(2, ""),
        "kruimel.toml:1: listen.public: The public listener 127.0.0.1:7700 only sees",
        "direct = true",
    );
    check(
        &with_line(2, "direct = true\nadmin = \"0.0.0.0:7701\""),
        "kruimel.toml:3: listen.admin: 0.0.0.0:7701 can",
        "SSH",
    );
    check(
        &with_line(2, "direct = true\nadmin = \"127.0.0.1:7700\""),
        "kruimel.toml:3: listen.admin: Both",
        "port",
    );
    check(
        &with_line(2, "trusted_proxies = [\"10.0.0.0/8\", \"proxy\"]"),
        "kruimel.toml:2: listen.trusted_proxies: \"proxy\"",
        "10.0.0.0/8",
    );
    check(
        &with_line(2, "trusted_proxies = [\"0.0.0.0/0\"]"),
        "kruimel.toml:2: listen.trusted_proxies: \"0.0.0.0/0\" trusts",
        "alone",
    );
    check(&with_line(2, "direct = true\nprefix = \"/kruimel\""), "kruimel.toml:3: listen.prefix:", "slash");
    check(
        &with_line(2, "direct = true\nclient_ip_header = \"x y\""),
        "kruimel.toml:3: listen.client_ip_header:",
        "x-forwarded-for",
    );
    check(
        &with_line(2, "direct = 1"),
        "kruimel.toml:2: listen.direct: Expected true or false, found a number.",
        "quotes",
    );
}

#[test]
fn a_certificate_without_its_key_is_told() {
    let tls = "direct = true\ntls = { certificate = \"chain.pem\" }";
    check(&with_line(2, tls), "kruimel.toml:3: listen.tls.key: This key is missing.", "private key");
    let tls = "direct = true\ntls = { certificate = \"chain.pem\", key = \"key.pem\", cert = 1 }";
    check(&with_line(2, tls), "kruimel.toml:3: listen.tls.cert: There is no such key.", "certificate");
}

#[test]
fn a_limit_of_nothing_or_of_everything_is_refused() {
    for (key, mend) in [
        ("connections_max = 0", "from 64 to 1000000"),
        ("requests_max = 1", "from 16 to 100000"),
        ("header_seconds = 61", "from 1 to 60"),
        ("body_seconds = 0", "from 1 to 300"),
        ("idle_seconds = 4000", "from 1 to 3600"),
        ("rate = { batches_per_second = 0 }", "from 1 to 1000000"),
        ("rate = { grants_per_second = -1 }", "from 1 to 1000000"),
        ("rate = { pages_per_second = 0 }", "from 1 to 1000000"),
    ] {
        let name = key.split(' ').next().unwrap();
        check(
            &with_line(2, &format!("direct = true\n{key}")),
            &format!("kruimel.toml:3: listen.{name}"),
            mend,
        );
    }
}

#[test]
fn a_public_listener_on_loopback_needs_to_know_how_it_is_reached() {
    assert!(read(&with_line(2, "public = \"0.0.0.0:7700\""), &[]).is_ok());
    assert!(read(&with_line(2, "trusted_proxies = [\"127.0.0.1\"]"), &[]).is_ok());
}

#[test]
fn a_wrong_store_or_spool_is_told_with_its_mend() {
    check(&with_more("[store]\nurl = \"ftp://x\""), "kruimel.toml:13: store.url:", "embedded");
    check(
        &with_more("[store]\nurl = \"http://me:secret@host\""),
        "kruimel.toml:13: store.url:",
        "store.password",
    );
    for (store, wrong, mend) in [
        (
            "listen = \"8123\"\nlisten_password_file = \"f\"",
            "store.listen: \"8123\" is not an address",
            "127.0.0.1",
        ),
        ("listen = \"127.0.0.1:1\"", "store.listen: Whoever reaches", "KRUIMEL_STORE__LISTEN_PASSWORD"),
        (
            "listen = \"127.0.0.1:1\"\nlisten_password = \"0123456789abcdef\"\nlisten_password_file = \"f\"",
            "store.listen: Whoever reaches",
            "one of",
        ),
        (
            "listen = \"0.0.0.0:1\"\nlisten_password_file = \"f\"",
            "store.listen: 0.0.0.0:1 can be reached",
            "listen_anywhere",
        ),
        ("listen_password_file = \"f\"", "store.listen_password_file: The engine listens on no", "listen ="),
        ("nice = 20", "store.nice: The number is out of bounds.", "from 0"),
        ("silence_seconds = 1", "store.silence_seconds: The number is out of bounds.", "from 2"),
    ] {
        check(&with_more(&format!("[store]\n{store}")), &format!("kruimel.toml:13: {wrong}"), mend);
    }
    let short = "[store]\nlisten = \"127.0.0.1:1\"\nlisten_password = \"short\"";
    check(&with_more(short), "kruimel.toml:14: store.listen_password: A password here", "openssl");
    let server = "[store]\nurl = \"http://h\"\nlisten = \"127.0.0.1:1\"\nlisten_password_file = \"f\"";
    check(&with_more(server), "kruimel.toml:14: store.listen: Only the embedded engine", "store.url");
    check(&with_more("[store]\ndatabase = \"a b\""), "kruimel.toml:13: store.database:", "letters");
    check(
        &with_more("[store]\nthreads = 0"),
        "kruimel.toml:13: store.threads: The number is out of bounds.",
        "from 1",
    );
    check(
        &with_more("[spool]\nbytes_max = 1.5"),
        "kruimel.toml:13: spool.bytes_max: Expected a number, found a number with",
        "whole",
    );
    check(
        &with_more("[spool]\nbytes_max = 16777216\nsegment_bytes = 16777216"),
        "kruimel.toml:14: spool.segment_bytes: One segment",
        "half",
    );
    // The store takes a segment in one insert.
    check(
        &with_more("[spool]\nsegment_bytes = 67108865"),
        "kruimel.toml:13: spool.segment_bytes: The number is out of bounds.",
        "to 67108864.",
    );
}

#[test]
fn an_unknown_key_is_an_error_with_what_was_meant() {
    check(
        &with_line(2, "direct = true\npublik = \"127.0.0.1:1\""),
        "kruimel.toml:3: listen.publik: There is no such key.",
        "Did you mean `public`?",
    );
    check(&with_more("\n[lisen]\n"), "kruimel.toml:13: lisen: There is no such key.", "`listen`");
    check(&with_more("xyzzy = 1"), "kruimel.toml:12: site.xyzzy:", "The keys here are");
    check(&with_more("refusal_days = 30"), "kruimel.toml:12: site.refusal_days:", "choice_days");
    check(&with_more("refuse_days = 30"), "kruimel.toml:12: site.refuse_days:", "equally long");
    check(&with_more("accept_color = \"green\""), "kruimel.toml:12: site.accept_color:", "look alike");
    check(&with_more("hide_refuse = true"), "kruimel.toml:12: site.hide_refuse:", "both there");
    check(
        &with_service("preselected = true"),
        "kruimel.toml:19: site.service.preselected:",
        "Nothing but `necessary`",
    );
}

#[test]
fn a_wrong_site_is_told_with_its_mend() {
    check(&with_line(5, "id = \"Ex ample\""), "kruimel.toml:5: site.id: \"Ex ample\"", "a-z");
    check(&with_line(6, ""), "kruimel.toml:4: site.name: This key is missing.", "site's name");
    check(&with_line(6, "name = \" \""), "kruimel.toml:6: site.name: The text is empty.", "remove");
    check(&with_line(7, "hosts = []"), "kruimel.toml:7: site.hosts: No host", "at least one");
    check(&with_line(7, ""), "kruimel.toml:4: site.hosts: This key is missing.", "hosts = ");
    check(
        &with_line(7, "hosts = \"example.org\""),
        "kruimel.toml:7: site.hosts: Expected a list, found a text.",
        "brackets",
    );
    for (host, mend) in [
        ("https://example.org", "https://"),
        ("*.example.org", "each host"),
        ("example.org:80", "port"),
        ("a b", "such as"),
    ] {
        let line = format!("hosts = [\n\"ok.example\",\n\"{host}\"]");
        check(
            &with_line(7, &line),
            &format!("kruimel.toml:9: site.hosts: \"{host}\" is not a host name."),
            mend,
        );
    }
    check(
        &with_line(10, "time_zone = \"Brussels\""),
        "kruimel.toml:10: site.time_zone: \"Brussels\"",
        "IANA",
    );
    check(&with_line(10, "time_zone = \"\""), "kruimel.toml:10: site.time_zone: The text is empty.", "Write");
    check(
        &with_line(11, "languages = [\"en\", \"tlh\"]"),
        "kruimel.toml:11: site.languages: There are no texts",
        "en, nl, fr, de",
    );
    check(
        &with_more("language = \"fr\""),
        "kruimel.toml:11: site.languages: `language` is \"fr\"",
        "Add \"fr\"",
    );
    check(&with_more("position = \"left\""), "kruimel.toml:12: site.position: \"left\"", "corner");
    check(
        &with_more("privacy_policy = \"//elsewhere\""),
        "kruimel.toml:12: site.privacy_policy:",
        "https://",
    );
    check(
        &with_more("revision_since = \"soon\""),
        "kruimel.toml:12: site.revision_since: \"soon\"",
        "2026-11-03",
    );
    check(
        &with_more("revision_since = 2026-11-03"),
        "kruimel.toml:12: site.revision_since: Expected a text, found a date.",
        "quotes",
    );
    check(
        &with_more("revision = 0"),
        "kruimel.toml:12: site.revision: The number is out of bounds.",
        "from 1",
    );
}

#[test]
fn unlawful_retention_is_refused() {
    check(
        &with_more("choice_days = 396"),
        "kruimel.toml:12: site.choice_days: A choice is kept",
        "both answers",
    );
    check(&with_more("choice_days = 0"), "kruimel.toml:12: site.choice_days:", "1 to 395");
    check(&with_more("retention_months = 26"), "kruimel.toml:12: site.retention_months:", "from 1 to 25");
    check(&with_more("ip_retention_days = 31"), "kruimel.toml:12: site.ip_retention_days:", "from 1 to 30");
    check(
        &with_more("ledger_months = 12"),
        "kruimel.toml:12: site.ledger_months: Decisions would be deleted",
        "25 or more",
    );
    check(
        &with_more("ledger_months = 13\nretention_months = 6\nchoice_days = 395"),
        "kruimel.toml:12: site.ledger_months: Decisions would be deleted after 13 months, but a choice",
        "14 or more",
    );
    check(
        &with_more("on_withdrawal = \"keep\""),
        "kruimel.toml:12: site.on_withdrawal: Keeping data",
        "withdrawal_justification",
    );
    check(&with_more("on_withdrawal = \"hide\""), "kruimel.toml:12: site.on_withdrawal: \"hide\"", "erase");
    assert!(
        read(&with_more("on_withdrawal = \"keep\"\nwithdrawal_justification = \"An archive law.\""), &[])
            .is_ok()
    );
}

#[test]
fn wrong_categories_and_services_are_told_with_their_mend() {
    let category = |more: &str| format!("{WHOLE}[[site.category]]\nname = \"necessary\"\n{more}\n");
    check(
        &format!("{WHOLE}[[site.category]]\nname = \"analytics\""),
        "kruimel.toml:12: site.category: `necessary`",
        "necessary",
    );
    check(
        &category("[[site.category]]\nname = \"necessary\""),
        "kruimel.toml:15: site.category.name: The category",
        "Remove",
    );
    check(
        &category("[[site.category]]\nname = \"art\"\ntitle = \"Art\""),
        "kruimel.toml:14: site.category.description:",
        "Add",
    );
    check(
        &with_service("").replace("\"functional\"", "\"functionel\""),
        "kruimel.toml:15: site.service.category: The site has no",
        "`functional`",
    );
    check(
        &with_service("").replace("\"film\"", "\"kruimel\""),
        "kruimel.toml:14: site.service.id: `kruimel` is declared",
        "Remove",
    );
    check(
        &format!("{}{SERVICE}", with_service("")),
        "kruimel.toml:22: site.service.id: The service `film`",
        "another id",
    );
    check(
        &with_service("third_party = true"),
        "kruimel.toml:13: site.service.provider_country: Visitors",
        "BE",
    );
    check(
        &with_service("provider_country = \"nl\""),
        "kruimel.toml:19: site.service.provider_country:",
        "capital",
    );
    check(
        &with_service("").replace("\"Shows films.\"", "{ en = \"Films.\" }"),
        "kruimel.toml:18: site.service.purpose: The text is missing in Nederlands",
        "Add nl",
    );
    let cookie = |duration: &str| {
        with_service(&format!("cookies = [{{ name = \"a\", purpose = \"b\", duration = \"{duration}\" }}]"))
    };
    check(&cookie("forever"), "kruimel.toml:19: site.service.cookies.duration: \"forever\"", "6 months");
    check(
        &cookie("1 day").replace("\"a\"", "\"a;b\""),
        "kruimel.toml:19: site.service.cookies.name:",
        "browser",
    );
    check(
        &cookie("1 day").replace("{ name", "{ storage = \"disk\", name"),
        "kruimel.toml:19: site.service.cookies.storage:",
        "local",
    );
    check(
        &cookie("1 day").replace("{ name", "{ storage = \"local\", http_only = true, name"),
        "kruimel.toml:19: site.service.cookies.http_only: Only a cookie",
        "Remove",
    );
    check(
        &cookie("1 day").replace("{ name", "{ path = \"shop\", name"),
        "kruimel.toml:19: site.service.cookies.path: \"shop\" cannot",
        "slash",
    );
}

#[test]
fn two_sites_share_neither_id_nor_host() {
    let second = WHOLE.split_once("\n\n").unwrap().1;
    let said = lines(&format!("{WHOLE}\n{second}"), &[]);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(
        said[0].starts_with(
            "kruimel.toml:14: site.id: The id \"example\" is already given to the site at line 5."
        )
    );
    assert!(
        said[1]
            .starts_with("kruimel.toml:16: site.hosts: The host \"example.org\" is already named at line 7.")
    );
}

#[test]
fn every_error_is_told_at_once_and_in_order() {
    let text = "[listen]\nadmin = \"0.0.0.0:1\"\n[[site]]\nid = \"A\"\nhosts = [\"a b\", \"c d\"]\nchoice_days = 0\n";
    let said = lines(text, &[]);
    let at: Vec<&str> = said.iter().filter_map(|line| line.split(':').nth(1)).collect();
    assert_eq!(at, ["1", "2", "3", "3", "3", "3", "4", "5", "5", "6"], "{said:#?}");
}

#[test]
fn a_line_that_is_not_toml_does_not_hide_the_other_errors() {
    let text = with_line(6, "name = Example").replace("Europe/Brussels", "Brussels");
    let said = lines(&text, &[]);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].starts_with("kruimel.toml:6: This is not TOML: "), "{said:#?}");
    assert!(said[1].starts_with("kruimel.toml:10: site.time_zone:"), "{said:#?}");
}

#[test]
fn an_empty_file_needs_a_site() {
    let said = lines("", &[]);
    assert!(
        said.iter().any(|line| line.starts_with("kruimel.toml:1: site: This key is missing.")),
        "{said:#?}"
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let variables = [
        ("KRUIMEL_LISTEN__PUBLIC", "[::1]:9000"),
        ("KRUIMEL_LISTEN__TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
        ("KRUIMEL_LISTEN__DIRECT", "false"),
        ("KRUIMEL_SITE__0__CHOICE_DAYS", "90"),
        ("KRUIMEL_DATA_DIR", "elsewhere"),
        ("KRUIMEL_STORE__PASSWORD", "hidden"),
        ("KRUIMEL_LOG", "debug"),
        ("HOME", "ignored"),
    ];
    let config = read(WHOLE, &variables).unwrap();
    assert_eq!(config.listen.public.to_string(), "[::1]:9000");
    assert_eq!(config.listen.trusted_proxies.len(), 2);
    assert!(!config.listen.direct);
    assert_eq!(config.sites[0].choice_days, 90);
    assert_eq!(config.data_dir, Path::new("elsewhere"));
    assert!(!format!("{config:?}").contains("hidden"));
}

#[test]
fn a_wrong_variable_is_named_and_not_a_line() {
    let check = |name: &str, value: &str, begins: &str| {
        let said = lines(WHOLE, &[(name, value)]);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].starts_with(begins), "{said:#?}");
    };
    check("KRUIMEL_LISTEN__PUBLIC", "here", "KRUIMEL_LISTEN__PUBLIC: listen.public: \"here\"");
    check("KRUIMEL_LISTEN__PUBLIK", "here", "KRUIMEL_LISTEN__PUBLIK: listen.publik: There is no such key.");
    check("KRUIMEL_LISTEN_PUBLIC", "here", "KRUIMEL_LISTEN_PUBLIC: listen.public: Section and key");
    check("KRUIMEL_SITE__3__NAME", "x", "KRUIMEL_SITE__3__NAME: site.3.name: `3` is not a place");
    check("KRUIMEL_LISTEN__DIRECT", "yes", "KRUIMEL_LISTEN__DIRECT: listen.direct:");
}

#[test]
fn an_endpoint_of_telemetry_is_a_plain_address_without_a_password() {
    let with = |endpoint: &str| with_more(&format!("[telemetry]\nendpoint = \"{endpoint}\""));
    let config = read(&with("http://127.0.0.1:4318"), &[]).expect("a collector on this machine");
    assert_eq!(config.telemetry.endpoint.expect("it is there").as_str(), "http://127.0.0.1:4318/");
    let begins = |endpoint: &str, begins: &str, mend: &str| {
        let said = lines(&with(endpoint), &[]);
        assert!(said.len() == 1 && said[0].contains(begins) && said[0].contains(mend), "{said:#?}");
    };
    begins("https://otel.example", "not sent over TLS", "OpenTelemetry collector on this machine");
    begins("127.0.0.1:4318", "not the address of a collector", "http://127.0.0.1:4318");
    begins("http://me:secret@10.0.0.1:4318", "end in logs", "http://127.0.0.1:4318");
    let mut wrong = lines(&with_more("[telemetry]\none_in = 0"), &[]);
    assert!(wrong.pop().is_some_and(|line| line.contains("telemetry.one_in")), "{wrong:#?}");
}
