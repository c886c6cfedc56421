//! What of a config can change while the collector runs.
//!
//! In: the config in force and the next one. Out: the keys that are different and need a restart. Sites, the prefix, who is
//! trusted, rates, the geography and the certificate's files can change at any time; sockets, folders and whatever has a size from the start on cannot.

use super::Config;

impl Config {
    /// The keys that are different in `next` and need a restart.
    pub fn needs_restart(&self, next: &Config) -> Vec<&'static str> {
        let (listen, other) = (&self.listen, &next.listen);
        let keys = [
            ("data_dir", self.data_dir != next.data_dir),
            ("listen.public", listen.public != other.public),
            ("listen.admin", listen.admin != other.admin),
            ("listen.health", listen.health != other.health),
            ("listen.connections_max", listen.limits.connections_max != other.limits.connections_max),
            ("listen.header_seconds", listen.limits.header_time != other.limits.header_time),
            ("listen.idle_seconds", listen.limits.idle_time != other.limits.idle_time),
            ("listen.requests_max", listen.requests_max != other.requests_max),
            // Other files are taken; whether there is TLS at all is the socket's.
            ("listen.tls", listen.tls.is_some() != other.tls.is_some()),
            ("store", self.store != next.store),
            ("spool", self.spool != next.spool),
            ("telemetry", self.telemetry != next.telemetry),
        ];
        keys.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(head: &str, listen: &str, site: &str) -> Config {
        let text = format!(
            "{head}\n[listen]\ndirect = true\n{listen}\n[[site]]\nid = \"example\"\nname = \"Example\"\n\
             hosts = [\"example.org\"]\ncontroller = \"City\"\ncontact = \"e\"\ntime_zone = \"Europe/Brussels\"\n{site}\n"
        );
        Config::from_toml(&text, "kruimel.toml", std::iter::empty())
            .map_err(|errors| errors.to_string())
            .unwrap()
    }

    #[test]
    fn sites_change_while_it_runs_and_sockets_and_folders_do_not() {
        let before = config("", "", "");
        let check = |next: Config, expected: &[&str]| assert_eq!(before.needs_restart(&next), expected);
        check(config("", "", ""), &[]);
        check(config("", "trusted_proxies = [\"10.0.0.1\"]\nprefix = \"/crumb/\"", ""), &[]);
        check(config("", "rate = { batches_per_second = 1 }\nbody_seconds = 9", "choice_days = 90"), &[]);
        check(config("", "health = \"0.0.0.0:7702\"", ""), &["listen.health"]);
        check(config("data_dir = \"d\"", "public = \"127.0.0.1:1\"", ""), &["data_dir", "listen.public"]);
        check(
            config("", "connections_max = 99\nidle_seconds = 9", ""),
            &["listen.connections_max", "listen.idle_seconds"],
        );
        check(config("spool = { bytes_max = 20000000 }", "", ""), &["spool"]);
        check(config("geo = { database = \"places.mmdb\" }", "", ""), &[]);
        check(config("telemetry = { endpoint = \"http://127.0.0.1:4318\" }", "", ""), &["telemetry"]);
        let tls = |name: &str| {
            config("", &format!("tls = {{ certificate = \"{name}.pem\", key = \"{name}.key\" }}"), "")
        };
        check(tls("one"), &["listen.tls"]);
        assert!(tls("one").needs_restart(&tls("other")).is_empty(), "other files are taken");
    }
}
