//! Secrets that are none, put together at run time so that no scanner takes this repository for a leak.

/// The first `length` characters of an endless text that looks random.
pub fn random(length: usize) -> String {
    "Ab3xK9qLm2ZtP7wYc5RnV8sD1fGh4JkT6uEoB0aQiXeWvUyNrMpSlCdFgHjOz".chars().cycle().take(length).collect()
}

pub fn upper(length: usize) -> String {
    "Q7ZK2M9XW4PLD8VT".chars().cycle().take(length).collect()
}

pub fn private_key(label: &str, newline: &str) -> String {
    let lines = vec![random(64); 6].join(newline);
    format!("-----BEGIN {label}-----{newline}{lines}{newline}-----END {label}-----")
}

pub fn jwt() -> String {
    ["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkEifQ", &random(43)]
        .join(".")
}

/// The secret and the kind that it is masked as, with nothing around it.
pub fn secrets() -> Vec<(&'static str, String)> {
    vec![
        ("anthropic_key", format!("sk-ant-{}-{}", "api03", random(95))),
        ("anthropic_key", format!("sk-ant-{}", random(24))),
        ("openai_key", format!("sk-{}", random(48))),
        ("openai_key", format!("sk-{}", "a".repeat(32))),
        ("openai_key", format!("sk-proj-{}_{}-x", random(74), random(74))),
        ("openai_key", format!("sk-svcacct-{}", random(60))),
        ("openrouter_key", format!("sk-or-v1-{}", "0123456789abcdef".repeat(4))),
        ("slack_token", format!("xoxb-{}-{}-{}", "123456789012", "1234567890123", random(24))),
        ("slack_token", format!("xoxp-{}-{}", "123456789012", random(32))),
        ("slack_token", format!("xapp-1-A012ABCDEFG-{}-{}", "1234567890123", "0123abcd".repeat(8))),
        ("github_token", format!("ghp_{}", random(36))),
        ("github_token", format!("gho_{}", random(36))),
        ("github_token", format!("ghs_{}", random(36))),
        ("github_token", format!("github_pat_{}_{}", random(22), random(59))),
        ("aws_access_key_id", format!("AKIA{}", upper(16))),
        ("aws_access_key_id", format!("ASIA{}", upper(16))),
        ("google_api_key", format!("AIza{}", random(35))),
        ("stripe_key", format!("sk_live_{}", random(24))),
        ("stripe_key", format!("rk_live_{}", random(99))),
        ("webhook_secret", format!("whsec_{}", random(32))),
        ("jwt", jwt()),
        // Encrypted, and a session whose second part is a time stamp.
        ("jwt", format!("eyJ{}.{}.{}.{}.{}", random(40), random(342), random(16), random(80), random(22))),
        ("jwt", format!("eyJ{}.{}.{}", random(30), random(6), random(27))),
        ("private_key", private_key("PRIVATE KEY", "\n")),
        ("private_key", private_key("RSA PRIVATE KEY", "\r\n")),
        ("private_key", private_key("OPENSSH PRIVATE KEY", "\\n")),
        ("private_key", private_key("EC PRIVATE KEY", "\\\\n")),
        ("private_key", private_key("ENCRYPTED PRIVATE KEY", " ")),
        ("private_key", private_key("DSA PRIVATE KEY", "\n> ")),
        ("private_key", private_key("PGP PRIVATE KEY BLOCK", "\n")),
    ]
}

/// Texts in which only a part is masked.
pub fn in_context() -> Vec<(String, String)> {
    let (opaque, hex) = (random(40), "0f1e2d3c".repeat(8));
    let pairs = [
        ("postgres://sixty:hunter2@db:5432/x", "postgres://sixty:[REDACTED:url_password]@db:5432/x"),
        ("redis://:p[a]ss:w%40rd@h", "redis://:[REDACTED:url_password]@h"),
        ("https://a@b.example:p@ss@c.example/d", "https://a@b.example:[REDACTED:url_password]@c.example/d"),
        (r#""u":"https:\/\/me:geheim-ß@h""#, r#""u":"https:\/\/me:[REDACTED:url_password]@h""#),
        ("Authorization: Basic dXNlcjpwYXNzMQ==", "Authorization: Basic [REDACTED:basic_credentials]"),
    ];
    let mut pairs: Vec<_> = pairs.map(|(text, masked)| (text.to_owned(), masked.to_owned())).into();
    for (before, token) in [
        ("Authorization: Bearer ", &opaque),
        ("-H 'authorization:  bearer  ", &hex),
        (r#"{"Authorization":"Bearer "#, &opaque),
        (r#"{\"Authorization\": \"Bearer "#, &hex),
        ("set the header to Bearer ", &opaque),
        ("Proxy-Authorization=Token ", &hex),
    ] {
        pairs.push((format!("{before}{token}\"}}."), format!("{before}[REDACTED:bearer_token]\"}}.")));
    }
    let key = format!("sk-ant-{}", random(90));
    pairs.push((
        format!("Authorization: Bearer {key}."),
        "Authorization: Bearer [REDACTED:anthropic_key].".into(),
    ));
    let url = format!("https://ghp_{}:x-oauth@github.com/a", random(36));
    pairs.push((url, "https://[REDACTED:github_token]:[REDACTED:url_password]@github.com/a".into()));
    let cut = private_key("PRIVATE KEY", "\n")
        .replace("-----END PRIVATE KEY-----", "(the rest is missing) and more.");
    pairs.push((cut, "[REDACTED:private_key](the rest is missing) and more.".into()));
    pairs
}

/// Texts that are no secrets, though some begin like one.
pub const INNOCENT: &[&str] = &[
    "",
    "sk-8 board",
    "sk-internationalization and sk-ant-farm-for-the-children",
    "task-list, desk-based, risk-averse, ask-me-anything-about-2026-q3-forecasts-for-emea",
    "disk-0123456789abcdef0123456789abcdef",
    "<div class=\"sk-fading-circle sk-circle12 sk-child\">",
    "sk-proj-management and sk_live_ prefixes, sk-... or sk-ant-…",
    "set SLACK_TOKEN=xoxb-your-token-here, see xapp-stores and xoxo",
    "ghp_short, ghost_writer, github_pat_token_goes_here, gho_st",
    "eyJust kidding, eyJwt.io, eyJhbGciOiJub25lIn0.json, eyJhbGciOiJub25lIn0.min.js",
    "AKIA is a prefix, AKIATOOSHORT, AKIAABCDEFGHIJKLMNOPQRSTUVWXYZ, asiapacific, ASIA-PACIFIC",
    "AIza is short for nothing, whsec_ too, whsec_goes_here",
    "the bearer of good news; Bearer token authentication; bearer acknowledgement-of-receipt; bearer 2024",
    "a basic understanding-of-the-2024-budget; Authorization: Bearer <token>; Authorization: Bearer YOUR_TOKEN",
    "bearer docs.example.com/v2/oauth/tokens/2024",
    "550e8400-e29b-41d4-a716-446655440000",
    "order 4711-0815, invoice INV-2026-000123, €1.234,56, $48,000.00, +49 (0)30 123456-78",
    "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
    "Sarah Green <sarah.green@acme.example>, mailto:sarah@acme.example?subject=Hi",
    "https://crm.example.com:8443/deals/4711?contact=sarah@acme.example#a:b@c",
    "http://localhost:3000 and http://[::1]:8080/ and ssh://git@github.com:22/a/b.git and git@github.com:a/b.git",
    "https://example.com: write to me@example.com; https://user@example.com/; ftp://user:@host",
    "12:30@room5, a:b@c, see //host:80@x, std::mem::swap(a@b)",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ7ZK2M9XW4PLD8VT\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
    "A key starts with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----, both lines of dashes.",
    "----------\n| a | b |\n|---|---|\n-----\n",
    "[REDACTED], [REDACTED:], [REDACTED:jwt], [REDACTED:[REDACTED:password], [R, [1], [RFC 6750]",
    "Müller & Söhne: „Angebot“ – 50 % Rabatt, 株式会社 密钥 ключ 🔑🔑",
    "the password is in the vault; API keys: rotate every 90 days",
];
