//! The keys of the profile, with what their values are.

use Shape::{Currency, Free, Language, List, Record, Text, Timezone, Url};

/// What a value is.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// At least one character, and at most so many.
    Text(usize),
    /// An address of the web.
    Url,
    /// ISO 4217: three capital letters.
    Currency,
    /// BCP 47, such as `en` or `pt-BR`.
    Language,
    /// A name of the IANA database, such as `Europe/Berlin`.
    Timezone,
    /// Items of one shape, and at most so many.
    List(&'static Shape, usize),
    Record(&'static [Field]),
    /// Any JSON object, of bounded size and depth.
    Free,
}

pub(super) struct Field {
    pub name: &'static str,
    pub shape: Shape,
    /// Whether its record needs it.
    pub required: bool,
    pub about: &'static str,
}

const fn field(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, required: false, about }
}

const fn needed(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, required: true, about }
}

const NAME: Shape = Text(200);
const SENTENCE: Shape = Text(1_000);
const PARAGRAPH: Shape = Text(4_000);
const NAMES: Shape = List(&NAME, 100);
const SENTENCES: Shape = List(&SENTENCE, 50);

/// Longest free part, in bytes of JSON.
pub(super) const MAX_CUSTOM: usize = 16_384;
/// How deep the free part may be nested.
pub(super) const MAX_DEPTH: usize = 8;

pub(super) const FIELDS: &[Field] = &[
    field("company_name", NAME, "The company as it calls itself"),
    field("company_website", Url, ""),
    field("tagline", SENTENCE, "The company in one line"),
    field("company_bio", PARAGRAPH, "What the company does, in a paragraph"),
    field("industry", NAME, ""),
    field("company_size", NAME, "People or revenue, such as 51-200"),
    field("headquarters", NAME, "City and country"),
    field("products", List(&PRODUCT, 50), "What is sold; the main one first"),
    field("value_propositions", SENTENCES, "Why customers buy"),
    field("competitors", List(&COMPETITOR, 50), "Who else customers look at"),
    field("target_market", PARAGRAPH, "Whom the company sells to"),
    field("ideal_customer_profile", CUSTOMER, "Which customers fit best"),
    field("buying_personas", List(&PERSONA, 30), "Who takes part in buying"),
    field("pain_points", SENTENCES, "What troubles customers before they buy"),
    field("objections", List(&OBJECTION, 50), "What buyers object, and what to answer"),
    field("brand_voice", PARAGRAPH, "How the company writes and speaks"),
    field("brand_tone", SENTENCE, "Its tone in a few words"),
    field("key_phrases", NAMES, "Words that texts should use"),
    field("words_to_avoid", NAMES, "Words that texts must not use"),
    field("case_studies", List(&CASE_STUDY, 50), "Customers whose success may be told"),
    field("customer_logos", NAMES, "Customers who may be named"),
    field("pricing_model", PARAGRAPH, "How prices are made"),
    field("sales_methodology", SENTENCE, "Such as MEDDICC"),
    field("sales_process", List(&STAGE, 30), "The stages of a deal, in their order"),
    field("currency", Currency, "ISO 4217, such as EUR"),
    field("timezone", Timezone, "IANA, such as Europe/Berlin"),
    field("language", Language, "BCP 47, such as en or pt-BR: what texts to customers are written in"),
    field("email_signature", PARAGRAPH, "What stands below e-mails"),
    field("booking_link", Url, "Where customers book a meeting"),
    field("custom", Free, "Whatever else skills read: at most 16384 bytes of JSON, 8 levels deep"),
];

const PRODUCT: Shape = Record(&[
    needed("name", NAME, ""),
    field("description", PARAGRAPH, ""),
    field("category", NAME, ""),
    field("price", NAME, "Such as from 40 EUR a user and month"),
    field("benefits", SENTENCES, ""),
    field("url", Url, ""),
]);

const COMPETITOR: Shape = Record(&[
    needed("name", NAME, ""),
    field("website", Url, ""),
    field("strengths", SENTENCES, ""),
    field("weaknesses", SENTENCES, ""),
    field("differentiators", SENTENCES, "What speaks for us"),
]);

const CUSTOMER: Shape = Record(&[
    field("description", PARAGRAPH, ""),
    field("industries", NAMES, ""),
    field("company_sizes", NAMES, ""),
    field("regions", NAMES, ""),
    field("buying_signals", SENTENCES, ""),
    field("disqualifiers", SENTENCES, "What speaks against a customer"),
]);

const PERSONA: Shape = Record(&[
    needed("name", NAME, "The role, such as Head of Procurement"),
    field("description", PARAGRAPH, ""),
    field("goals", SENTENCES, ""),
    field("pain_points", SENTENCES, ""),
    field("objections", SENTENCES, ""),
]);

const OBJECTION: Shape = Record(&[needed("objection", SENTENCE, ""), field("response", PARAGRAPH, "")]);

const CASE_STUDY: Shape = Record(&[
    needed("customer", NAME, ""),
    field("industry", NAME, ""),
    field("summary", PARAGRAPH, ""),
    field("result", SENTENCE, "In figures, if there are any"),
    field("url", Url, ""),
]);

const STAGE: Shape = Record(&[
    needed("name", NAME, ""),
    field("description", PARAGRAPH, ""),
    field("exit_criteria", SENTENCES, "What must be true before the next stage"),
]);
