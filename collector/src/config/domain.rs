//! `cookie_domain`: the domain whose hosts share one choice.
//!
//! In: the key and the site's hosts. Out: a domain that is each of those hosts or above it. Invariant: it has at least
//! two labels and is none of the well-known suffixes under which anybody can register or is given a name. A list of every
//! public suffix is left to browsers, which keep no cookie for one: then each visitor is asked again, and nothing is
//! granted.

use super::error::Problem;
use super::name::Host;
use super::reader::Section;

/// Second labels under which countries give out names: `co.uk`, `com.tr`.
const GIVEN_OUT: [&str; 14] =
    ["ac", "co", "com", "edu", "gob", "gouv", "gov", "gv", "ltd", "mil", "ne", "net", "or", "org"];
/// Hosts of other people's sites under which anybody gets a name: those that towns and clubs use most.
const HOSTING: [&str; 21] = [
    "appspot.com",
    "azurestaticapps.net",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "onrender.com",
    "pages.dev",
    "readthedocs.io",
    "surge.sh",
    "vercel.app",
    "web.app",
    "weebly.com",
    "wixsite.com",
    "wordpress.com",
    "workers.dev",
];
/// The letters of a country's top-level domain.
const COUNTRY_LETTERS: usize = 2;

/// Reads `cookie_domain` of one `[[site]]`.
pub(super) fn read(section: &Section<'_>, hosts: &[Host]) -> Option<Host> {
    section.get("cookie_domain", |node| check(node.text()?, hosts))
}

fn check(text: &str, hosts: &[Host]) -> Result<Host, Problem> {
    let domain = Host::read(text.strip_prefix('.').unwrap_or(text))?;
    let labels: Vec<&str> = domain.as_str().split('.').collect();
    let is_address = domain.as_str().starts_with('[') || domain.as_str().parse::<std::net::IpAddr>().is_ok();
    let given_out = |second: &str, top: &str| top.len() == COUNTRY_LETTERS && GIVEN_OUT.contains(&second);
    let mend = "Write the domain that your hosts share, such as \"example.org\" for www.example.org.";
    match labels.as_slice() {
        _ if is_address => {
            let wrong = format!("\"{text}\" is an address, which has no subdomains.");
            return Err(Problem::new(wrong, "Remove the line."));
        }
        [_] => return Err(Problem::new(format!("\"{text}\" is not a domain of yours alone."), mend)),
        [second, top] if given_out(second, top) || HOSTING.contains(&domain.as_str()) => {
            return Err(Problem::new(format!("Anybody can register a name under \"{text}\"."), mend));
        }
        _ => {}
    }
    match hosts.iter().find(|host| !is_within(host.as_str(), domain.as_str())) {
        None => Ok(domain),
        Some(host) => {
            let wrong = format!("The host \"{host}\" is not within \"{domain}\".");
            Err(Problem::new(wrong, "Name a domain above every host of the site, or remove the line."))
        }
    }
}

/// Whether a host is a domain or below it (RFC 6265, section 5.1.3).
pub(crate) fn is_within(host: &str, domain: &str) -> bool {
    let above = || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    host == domain || above()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<Host> {
        ["www.kaaidam.example", "kaaidam.example"].map(|host| Host::parse(host).unwrap()).to_vec()
    }

    #[test]
    fn a_domain_is_taken_that_every_host_is_within() {
        for text in ["kaaidam.example", ".kaaidam.example", "Kaaidam.Example"] {
            assert_eq!(check(text, &hosts()).unwrap().as_str(), "kaaidam.example");
        }
        assert_eq!(
            check("stad.co.uk", &[Host::parse("www.stad.co.uk").unwrap()]).unwrap().as_str(),
            "stad.co.uk"
        );
    }

    #[test]
    fn a_domain_that_is_not_the_sites_is_refused() {
        let refused = |text: &str, expected: &str| {
            let wrong = check(text, &hosts()).unwrap_err().wrong;
            assert!(wrong.contains(expected), "{wrong}");
        };
        refused("www.kaaidam.example", "The host \"kaaidam.example\" is not within");
        refused("idam.example", "The host \"www.kaaidam.example\" is not within");
        refused("example", "not a domain of yours");
        refused("co.uk", "Anybody can register");
        for suffix in HOSTING {
            let host = Host::parse(&format!("town.{suffix}")).unwrap();
            let wrong = check(suffix, std::slice::from_ref(&host)).unwrap_err().wrong;
            assert_eq!(wrong, format!("Anybody can register a name under \"{suffix}\"."));
            assert!(check(host.as_str(), std::slice::from_ref(&host)).is_ok());
        }
        refused("127.0.0.1", "is an address");
        refused("a b", "is not a host name");
    }
}
