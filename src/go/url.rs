//! The check of a webhook's URL, with the texts of Go's URL parser.

use std::net::{IpAddr, Ipv6Addr};

use super::quote::quote;

/// Checks a webhook's URL as the daemon does: http or https, a host, and none on a link-local address.
///
/// What is wrong inside an IPv6 literal is always called `unable to parse IP`; Go is more specific.
///
/// # Errors
/// The daemon's whole error text.
pub fn check_webhook(text: &[u8]) -> Result<(), String> {
    let (scheme, host) = parse(text)?;
    if scheme != b"http" && scheme != b"https" {
        let scheme = quote(&scheme);
        return Err(format!("URL must use http or https scheme, got {scheme}"));
    }
    let name = host_name(&host);
    if name.is_empty() {
        return Err("URL must have a host".to_string());
    }
    let name = String::from_utf8_lossy(name);
    if is_link_local(&name) {
        return Err(format!("URL cannot target link-local address {name}"));
    }
    Ok(())
}

/// The scheme in lower case and the decoded host with its port; either may be empty.
fn parse(text: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (url, fragment) = cut(text, b'#').unwrap_or((text, b""));
    let parts = split(url).map_err(|error| parse_error(url, &error))?;
    // Only here does Go print the URL with its fragment.
    check_escapes(fragment).map_err(|error| parse_error(text, &error))?;
    Ok(parts)
}

fn parse_error(url: &[u8], error: &str) -> String {
    format!("invalid URL: parse {}: {error}", quote(url))
}

fn split(url: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    if url.iter().any(|&byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".to_string());
    }
    let (scheme, rest) = split_scheme(url)?;
    let scheme = scheme.to_ascii_lowercase();
    let path = cut(rest, b'?').map_or(rest, |(path, _)| path);
    if !path.starts_with(b"/") {
        // With a scheme this is an opaque URL (`mailto:x`), which has no host and is not looked into.
        if scheme.is_empty() {
            let segment = cut(path, b'/').map_or(path, |(segment, _)| segment);
            if segment.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_string());
            }
            check_escapes(path)?;
        }
        return Ok((scheme, Vec::new()));
    }
    let authority = path
        .strip_prefix(b"//")
        .filter(|rest| !scheme.is_empty() || !rest.starts_with(b"/"));
    let Some(authority) = authority else {
        check_escapes(path)?;
        return Ok((scheme, Vec::new()));
    };
    let length = authority.iter().position(|&byte| byte == b'/');
    let (authority, path) = authority.split_at(length.unwrap_or(authority.len()));
    let host = split_authority(authority, &scheme)?;
    check_escapes(path)?;
    Ok((scheme, host))
}

fn split_scheme(url: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, &byte) in url.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_string()),
            b':' => return Ok((&url[..at], &url[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", url))
}

/// The decoded host with its port, user and password checked and dropped.
fn split_authority(authority: &[u8], scheme: &[u8]) -> Result<Vec<u8>, String> {
    let Some(at) = authority.iter().rposition(|&byte| byte == b'@') else {
        return split_host(authority, scheme);
    };
    let host = split_host(&authority[at + 1..], scheme)?;
    let user = &authority[..at];
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !user.iter().all(allowed) {
        return Err("net/url: invalid userinfo".to_string());
    }
    // User and password are decoded apart, so an escape cannot reach over the colon.
    match cut(user, b':') {
        Some((name, password)) => check_escapes(name).and(check_escapes(password))?,
        None => check_escapes(user)?,
    }
    Ok(host)
}

fn split_host(host: &[u8], scheme: &[u8]) -> Result<Vec<u8>, String> {
    if let Some(open) = host.iter().rposition(|&byte| byte == b'[') {
        if open > 0 {
            return Err("invalid IP-literal".to_string());
        }
        let Some(close) = host.iter().rposition(|&byte| byte == b']') else {
            return Err("missing ']' in host".to_string());
        };
        check_port(&host[close + 1..])?;
        let literal = &host[1..close];
        let decoded = match literal.windows(3).position(|three| three == b"%25") {
            Some(zone) => {
                let mut decoded = decode_host(&literal[..zone], false)?;
                decoded.extend(decode_host(&literal[zone..], true)?);
                decoded
            }
            None => decode_host(literal, false)?,
        };
        check_ip_literal(&decoded)?;
        return Ok([b"[", &decoded[..], &host[close..]].concat());
    }
    // Only the web's schemes are held to one colon.
    let strict = matches!(scheme, b"http" | b"https");
    let colon = if strict {
        host.iter().position(|&byte| byte == b':')
    } else {
        host.iter().rposition(|&byte| byte == b':')
    };
    if let Some(colon) = colon {
        check_port(&host[colon..])?;
    }
    decode_host(host, false)
}

fn check_port(port: &[u8]) -> Result<(), String> {
    match port {
        [] => Ok(()),
        [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Err(format!("invalid port {} after host", quote(port))),
    }
}

fn check_ip_literal(literal: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(literal);
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (&*text, None),
    };
    let reason = match (address.parse::<IpAddr>(), zone) {
        (Ok(IpAddr::V6(_)), Some("")) => "zone must be a non-empty string",
        (Ok(IpAddr::V6(_)), _) => return Ok(()),
        (Ok(IpAddr::V4(_)), None) => return Err("invalid IP-literal".to_string()),
        _ => "unable to parse IP",
    };
    let literal = quote(literal);
    Err(format!("invalid host: ParseAddr({literal}): {reason}"))
}

/// Checks the escapes of a path, fragment, user or password.
fn check_escapes(text: &[u8]) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        rest = &rest[at..];
        escaped(rest)?;
        rest = &rest[3..];
    }
    Ok(())
}

/// The byte that the escape at the start of `text` stands for.
fn escaped(text: &[u8]) -> Result<u8, String> {
    let digit = |at: usize| {
        let byte = text.get(at).copied()?;
        char::from(byte).to_digit(16)
    };
    match (digit(1), digit(2)) {
        (Some(high), Some(low)) => Ok((high << 4 | low) as u8),
        _ => bad_escape(text),
    }
}

fn bad_escape<T>(text: &[u8]) -> Result<T, String> {
    let shown = quote(&text[..text.len().min(3)]);
    Err(format!("invalid URL escape {shown}"))
}

fn decode_host(text: &[u8], zone: bool) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bad_byte = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte != b'%' {
            if bad_byte.is_none() && byte.is_ascii() && !in_host(byte) {
                bad_byte = Some(byte);
                break;
            }
            out.push(byte);
            at += 1;
            continue;
        }
        let escape = &text[at..];
        let value = escaped(escape)?;
        // Bytes beyond ASCII may be escaped in a host, and in a zone what a host may hold, spaces, and "%25".
        let percent = value == b'%';
        let allowed = if zone {
            percent || value == b' ' || (in_host(value) && value.is_ascii())
        } else {
            percent || !value.is_ascii()
        };
        if !allowed {
            return bad_escape(escape);
        }
        out.push(value);
        at += 3;
    }
    match bad_byte {
        Some(byte) => {
            let byte = quote(&[byte]);
            Err(format!("invalid character {byte} in host name"))
        }
        None => Ok(out),
    }
}

fn in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$&'()*+,;=:[]<>\"-_.~".contains(&byte)
}

/// A host without port and brackets.
fn host_name(host: &[u8]) -> &[u8] {
    if host.starts_with(b"[")
        && let Some(close) = host.iter().rposition(|&byte| byte == b']')
    {
        return &host[1..close];
    }
    let colon = host.iter().rposition(|&byte| byte == b':');
    &host[..colon.unwrap_or(host.len())]
}

fn is_link_local(name: &str) -> bool {
    let address = name.split_once('%').map_or(name, |(address, _)| address);
    match address.parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            let mapped = Ipv6Addr::to_ipv4_mapped(&address);
            address.is_unicast_link_local() || mapped.is_some_and(|address| address.is_link_local())
        }
        Err(_) => false,
    }
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|&byte| byte == at)?;
    Some((&text[..place], &text[place + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for text in [
            "http://127.0.0.1:9/h",
            "https://example.test/h",
            "HTTP://localhost:9/",
            "https://u:p@example.test/",
            "http://u@v@w/",
            "http://a?b/c%zz",
            "http://a:/#\u{1}",
            "http://é/",
            "http://%25a%e9/",
            "http://[::1]:80/x",
            "http://[2001:db8::1%25eth%20%7e0]/",
            "http://10.0.0.1",
            "http://]/",
            "http://a?",
        ] {
            assert_eq!(check_webhook(text.as_bytes()), Ok(()), "{text}");
        }
        let long = format!("http://example.test/{}", "x".repeat(3000));
        assert_eq!(check_webhook(long.as_bytes()), Ok(()));
    }

    #[test]
    #[rustfmt::skip]
    fn refused_by_the_daemon() {
        for (text, wanted) in [
            ("", "URL must use http or https scheme, got \"\""),
            ("*", "URL must use http or https scheme, got \"\""),
            ("ftp://x/", "URL must use http or https scheme, got \"ftp\""),
            ("File:///etc", "URL must use http or https scheme, got \"file\""),
            ("a:b:c", "URL must use http or https scheme, got \"a\""),
            ("http://", "URL must have a host"),
            ("http:///x", "URL must have a host"),
            ("http:x", "URL must have a host"),
            ("http://:80", "URL must have a host"),
            ("http://169.254.169.254/", "URL cannot target link-local address 169.254.169.254"),
            ("http://169.254.0.1:80/", "URL cannot target link-local address 169.254.0.1"),
            ("http://[fe80::1]:80/", "URL cannot target link-local address fe80::1"),
            ("http://[::ffff:169.254.1.1]/", "URL cannot target link-local address ::ffff:169.254.1.1"),
        ] {
            assert_eq!(
                check_webhook(text.as_bytes()),
                Err(wanted.to_string()),
                "{text}"
            );
        }
        let bytes = "URL must use http or https scheme, got \"\"";
        assert_eq!(check_webhook(b"\xff\xff"), Err(bytes.to_string()));
    }

    #[test]
    #[rustfmt::skip]
    fn refused_by_the_parser() {
        for (text, wanted) in [
            ("::::", "missing protocol scheme"),
            ("1a:b", "first path segment in URL cannot contain colon"),
            ("http://a b/", "invalid character \" \" in host name"),
            ("http://a\\b/", "invalid character \"\\\\\" in host name"),
            ("http://127.0.0.1/\x01", "net/url: invalid control character in URL"),
            ("http://x/\x7f", "net/url: invalid control character in URL"),
            ("http://x/%zz", "invalid URL escape \"%zz\""),
            ("http://x/%4", "invalid URL escape \"%4\""),
            ("http://x%41/", "invalid URL escape \"%41\""),
            ("http://x/#%zz", "invalid URL escape \"%zz\""),
            ("http://a:x/", "invalid port \":x\" after host"),
            ("http://a:80:80/", "invalid port \":80:80\" after host"),
            ("http://::1/", "invalid port \"::1\" after host"),
            ("http://[::1]x/", "invalid port \"x\" after host"),
            ("http://[::1/", "missing ']' in host"),
            ("http://a[::1]/", "invalid IP-literal"),
            ("http://[1.2.3.4]/", "invalid IP-literal"),
            ("http://[zz]/", "invalid host: ParseAddr(\"zz\"): unable to parse IP"),
            ("http://[::1%25]/", "invalid host: ParseAddr(\"::1%\"): zone must be a non-empty string"),
            ("http://u<@w/", "net/url: invalid userinfo"),
            ("http://u%zz@w/", "invalid URL escape \"%zz\""),
        ] {
            let wanted = format!("invalid URL: parse {}: {wanted}", quote(text.as_bytes()));
            assert_eq!(check_webhook(text.as_bytes()), Err(wanted), "{text}");
        }
    }
}
