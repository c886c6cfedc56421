//! The removal of cookies, as text. Pure.
//!
//! In: `document.cookie`, the page's host and path. Out: strings to assign to `document.cookie`. Invariant: a cookie
//! that is removed is removed on every domain and path that this page could have set it on.

/// The text before the first such byte, and what follows it.
#[inline(never)]
pub(crate) fn cut(text: &str, at: u8) -> (&str, &str) {
    let end = text.bytes().position(|byte| byte == at).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default())
}

/// Hands out the name of every cookie that the page can see.
pub(crate) fn names<'a>(cookies: &'a str, act: &mut dyn FnMut(&'a str)) {
    let mut rest = cookies;
    while !rest.is_empty() {
        let (cookie, following) = cut(rest, b';');
        act(cut(cookie.strip_prefix(' ').unwrap_or(cookie), b'=').0);
        rest = following;
    }
}

/// Whether a declared name covers a cookie: the same, or the same beginning where the declaration ends in `*`.
pub(crate) fn covers(declared: &str, name: &str) -> bool {
    match declared.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => declared == name,
    }
}

/// Hands out every string that removes a cookie: each domain from the host upwards, each folder of the path.
pub(crate) fn removals(name: &str, host: &str, path: &str, remove: &mut dyn FnMut(&str)) {
    // No domain at all, the host, its parents. A browser refuses the last, a public suffix, by itself.
    let (mut attribute, mut domain, mut parents) = ("", "", host);
    loop {
        for end in 1..=path.len() {
            let byte = |place: usize| path.as_bytes().get(place).is_none_or(|byte| *byte == b'/');
            if byte(end) || byte(end - 1) {
                let folder = path.get(..end).unwrap_or_default();
                remove(&concat(&[name, "=; Max-Age=0; Path=", folder, attribute, domain]));
            }
        }
        if parents.is_empty() {
            return;
        }
        (attribute, domain) = ("; Domain=", parents);
        parents = cut(parents, b'.').1;
    }
}

/// One text from its parts.
fn concat(parts: &[&str]) -> String {
    let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removals_of(host: &str, path: &str) -> Vec<String> {
        let mut all = Vec::new();
        removals("_ga", host, path, &mut |cookie| all.push(cookie.to_owned()));
        all.iter().map(|cookie| cookie.strip_prefix("_ga=; Max-Age=0; ").unwrap().to_owned()).collect()
    }

    #[test]
    fn a_cookie_is_removed_on_every_domain_and_path() {
        assert_eq!(removals_of("localhost", "/"), ["Path=/", "Path=/; Domain=localhost"]);
        let all = removals_of("www.example.be", "/news/ferry");
        for domain in ["", "; Domain=www.example.be", "; Domain=example.be", "; Domain=be"] {
            for path in ["/", "/news", "/news/", "/news/ferry"] {
                assert!(
                    all.contains(&format!("Path={path}{domain}")),
                    "{path}{domain} is missing in {all:?}"
                );
            }
        }
    }

    #[test]
    fn a_declared_name_may_end_in_a_star() {
        assert!(covers("_ga", "_ga") && covers("_ga*", "_ga_X1") && covers("_ga*", "_ga"));
        assert!(!covers("_ga", "_ga_X1") && !covers("_ga*", "_g") && !covers("", "_ga"));
        let mut seen = Vec::new();
        names("a=1; b=2;c", &mut |name| seen.push(name));
        assert_eq!(seen, ["a", "b", "c"]);
    }
}
