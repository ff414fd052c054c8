//! Archived conversations and questions about them, whose evidence is known. All of it comes from a seed.
//!
//! A fact is what one person of one company said of one topic in one month. Of each there are others that differ in
//! person, company, topic or month alone. Topics have several wordings for what was said, and others for the
//! question, which often share no word: person, company and month have to lead there.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};

/// One half of the benchmark: constants are tuned on the first and reported on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    Tuning,
    HeldOut,
}

pub struct Said {
    pub role: &'static str,
    pub text: String,
    pub at: DateTime<Utc>,
}

pub struct Conversation {
    pub title: String,
    pub messages: Vec<Said>,
}

/// A question, and where its answer stands: conversation and message, from 0.
pub struct Question {
    pub text: String,
    pub evidence: Vec<(usize, usize)>,
    /// Whether it names the topic in other words than the evidence.
    pub paraphrase: bool,
}

pub struct Corpus {
    pub conversations: Vec<Conversation>,
    pub questions: Vec<Question>,
}

const FIRST: [&str; 24] = [
    "Dana", "Priya", "Marco", "Helen", "Tobias", "Aiko", "Samuel", "Ines", "Viktor", "Leila", "Jonas",
    "Carmen", "Ravi", "Nora", "Felix", "Amara", "Stefan", "Yuki", "Greta", "Omar", "Paula", "Hugo", "Mira",
    "Anton",
];
const LAST: [&str; 20] = [
    "Weiss",
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Tanaka",
    "Petrov",
    "Alvarez",
    "Schneider",
    "Rao",
    "Fischer",
    "Novak",
    "Keller",
    "Duarte",
    "Bianchi",
    "Hansen",
    "Kowalski",
    "Ferreira",
    "Meyer",
    "Sato",
    "Jansen",
];
const COMPANY: [&str; 30] = [
    "Northwind",
    "Acme",
    "Globex",
    "Initech",
    "Umbra",
    "Vandelay",
    "Hooli",
    "Stark",
    "Wayne",
    "Cyberdyne",
    "Tyrell",
    "Oscorp",
    "Soylent",
    "Massive",
    "Aperture",
    "Gringotts",
    "Monarch",
    "Zorin",
    "Virtucon",
    "Nakatomi",
    "Duff",
    "Pied",
    "Dunder",
    "Sterling",
    "Prestige",
    "Bluth",
    "Wonka",
    "Kruger",
    "Rekall",
    "Yoyodyne",
];
const MONTH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What is said of a topic; how a question names it in the same words, and in others. `#` is a number.
struct Topic {
    said: [&'static str; 3],
    same: &'static str,
    other: &'static str,
}

const TOPICS: [Topic; 16] = [
    Topic {
        said: [
            "wants the penetration test report before the contract is signed, # findings are open",
            "will not go ahead until their auditors have seen our certificates, # controls are missing",
            "asked for the encryption details, their security team has # questions",
        ],
        same: "the penetration test and the certificates",
        other: "the security review",
    },
    Topic {
        said: [
            "finds # percent too expensive and asks for a rebate",
            "would sign this week with a discount of # percent",
            "compared our quote with another vendor, we are # percent above it",
        ],
        same: "the discount on our quote",
        other: "money being the problem",
    },
    Topic {
        said: [
            "plans to go live with # users in the first wave",
            "wants the rollout in # countries at once",
            "moves the launch by # weeks because the team is on leave",
        ],
        same: "the rollout and the launch",
        other: "when they start using it",
    },
    Topic {
        said: [
            "needs the connection to their ERP, # tables have to be synchronised",
            "tried the API and got # errors while importing",
            "says the integration with their data warehouse took # days",
        ],
        same: "the integration with their ERP",
        other: "hooking up their other systems",
    },
    Topic {
        said: [
            "is leaving at the end of the month, the successor has # reports",
            "was promoted and now leads a group of # people",
            "hands the project to a colleague who joined # weeks ago",
        ],
        same: "the successor and the promotion",
        other: "changing jobs",
    },
    Topic {
        said: [
            "also talks to a competitor who offers # months for free",
            "saw a demo of a rival product with # dashboards",
            "has # other bidders on the shortlist",
        ],
        same: "the competitor on the shortlist",
        other: "who else we are up against",
    },
    Topic {
        said: [
            "wants net # days instead of thirty",
            "asks to be invoiced in # instalments",
            "says purchasing pays # days late every time",
        ],
        same: "invoices and instalments",
        other: "payment terms",
    },
    Topic {
        said: [
            "complained that support answered after # hours",
            "opened # tickets and nobody called back",
            "is unhappy with the outage, # people could not work",
        ],
        same: "the outage and the support tickets",
        other: "being dissatisfied with our service",
    },
    Topic {
        said: [
            "has to convince the board, the meeting is in # weeks",
            "needs the signature of the CFO for anything over # thousand",
            "says legal and # departments have to approve it",
        ],
        same: "the board and the signature of the CFO",
        other: "who decides in the end",
    },
    Topic {
        said: [
            "would like # days of workshops for the administrators",
            "asks for a course for # new colleagues",
            "wants certified trainers on site for # sessions",
        ],
        same: "workshops and trainers",
        other: "teaching their staff",
    },
    Topic {
        said: [
            "wants to extend for # more years at the same price",
            "lets the subscription end unless usage grows by # percent",
            "gave notice, # seats are not used at all",
        ],
        same: "extending the subscription and the seats",
        other: "the renewal",
    },
    Topic {
        said: [
            "is ready to speak at our conference before # guests",
            "allows us to use their logo on # pages",
            "will take # calls from other prospects for us",
        ],
        same: "speaking at our conference and the logo",
        other: "being a reference customer",
    },
    Topic {
        said: [
            "keeps all personal data in Europe, # sites are affected",
            "demands that backups are erased after # days",
            "sent a processing agreement with # changes",
        ],
        same: "personal data and the processing agreement",
        other: "privacy",
    },
    Topic {
        said: [
            "misses the offline mode, # field workers need it",
            "asks when the mobile app can scan # labels a minute",
            "wants reports in # languages",
        ],
        same: "the offline mode of the mobile app",
        other: "features they lack",
    },
    Topic {
        said: [
            "got the budget cut by # percent and waits for the new fiscal year",
            "has # thousand left to spend before December",
            "says all spending over # thousand is frozen",
        ],
        same: "the budget and the spending freeze",
        other: "whether there are funds",
    },
    Topic {
        said: [
            "ran the trial with # testers and liked the search best",
            "ends the pilot after # weeks, adoption was low",
            "measured that the proof of concept saves # hours a month",
        ],
        same: "the trial and the pilot",
        other: "how the evaluation went",
    },
];

const SMALL_TALK: [&str; 16] = [
    "Can you make my notes on the pricing page shorter?",
    "Here is a shorter version with the three points that matter for security buyers.",
    "What is a good way to open a call with a new prospect?",
    "Begin with their own words from the last meeting, and ask what has changed since.",
    "Please prepare the agenda for the quarterly review.",
    "The agenda has pipeline, renewals at risk, the launch, and open questions on budget.",
    "How do I explain the integration without slides?",
    "Draw two boxes and one arrow, and name the day on which the data flows.",
    "Remind me how the discount rules work.",
    "Up to ten percent is yours to give; more needs your manager, and a reason that finance can read.",
    "Write a friendly reminder about the open invoice.",
    "Done: it is two sentences long and offers a call about the payment.",
    "Which objections come up in a pilot?",
    "Adoption, the effort of training, and who decides about going live.",
    "Give me three subject lines for a mail about privacy.",
    "Your data stays here; What our auditors read; Privacy without a project.",
];

/// A small generator of numbers (`SplitMix64`), the same everywhere.
pub struct Seed(pub u64);

impl Seed {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

struct Fact {
    first: &'static str,
    last: &'static str,
    company: &'static str,
    topic: usize,
    month: NaiveDate,
}

/// Conversations of a dozen messages about one company each, and every third fact asked about.
pub fn corpus(half: Half) -> Corpus {
    let mut seed = Seed(if half == Half::Tuning { 11 } else { 7_919 });
    let mut corpus = Corpus { conversations: Vec::new(), questions: Vec::new() };
    for (number, facts) in meetings(&mut seed).into_iter().enumerate() {
        let mut messages = Vec::new();
        let company = facts[0].company;
        for fact in &facts {
            if seed.below(2) == 0 {
                let (topic, day) = (2 * seed.below(SMALL_TALK.len() / 2), moment(fact.month, &mut seed));
                messages.push(Said { role: "user", text: SMALL_TALK[topic].into(), at: day });
                messages.push(Said { role: "assistant", text: SMALL_TALK[topic + 1].into(), at: day });
            }
            let at = moment(fact.month, &mut seed);
            let answer = tell(fact, at, &mut messages, &mut seed);
            if seed.below(3) == 0 {
                let (text, paraphrase) = ask(fact, &mut seed);
                let evidence = vec![(number, answer)];
                corpus.questions.push(Question { text, evidence, paraphrase });
            }
        }
        let title = format!(
            "{company} {}",
            seed.one(&["account", "weekly", "deal notes", "preparation", "follow-up"])
        );
        corpus.conversations.push(Conversation { title, messages });
    }
    corpus
}

/// The facts of each conversation: two people of a company on four topics, in one month; each company has eight.
fn meetings(seed: &mut Seed) -> Vec<Vec<Fact>> {
    let mut meetings = Vec::new();
    for company in COMPANY {
        let people: Vec<(&str, &str)> = (0..4).map(|_| (seed.one(&FIRST), seed.one(&LAST))).collect();
        for n in 0..9 {
            let month = NaiveDate::from_ymd_opt(2026, 1, 1)
                .and_then(|day| day.checked_add_months(chrono::Months::new((n + seed.below(2) as u32) % 11)));
            let month = month.unwrap_or_default();
            let first_topic = seed.below(TOPICS.len());
            let facts = (0..4).map(|k| {
                let (first, last) = people[seed.below(people.len())];
                Fact { first, last, company, topic: (first_topic + k * 3) % TOPICS.len(), month }
            });
            meetings.push(facts.collect());
        }
    }
    meetings
}

fn moment(month: NaiveDate, seed: &mut Seed) -> DateTime<Utc> {
    let day = month.checked_add_days(Days::new(seed.below(28) as u64)).unwrap_or(month);
    day.and_hms_opt(8 + seed.below(9) as u32, seed.below(60) as u32, 0).unwrap_or_default().and_utc()
}

/// Says the fact in one of four ways; answers the place of the message that holds it.
fn tell(fact: &Fact, at: DateTime<Utc>, messages: &mut Vec<Said>, seed: &mut Seed) -> usize {
    let Fact { first, last, company, topic, .. } = *fact;
    let number = (2 + seed.below(90)).to_string();
    let what = seed.one(&TOPICS[topic].said).replace('#', &number);
    let mut say = |role, text: String| {
        messages.push(Said { role, text, at });
        messages.len() - 1
    };
    match seed.below(4) {
        0 => {
            let place = say("user", format!("Note from the call: {first} {last} {what}."));
            say("assistant", format!("Noted. I keep that with {company}."));
            place
        }
        // The answer alone does not say whom it is about.
        1 => {
            say("user", format!("What did {first} {last} want to tell us in the end?"));
            say("assistant", format!("In short: {what}."))
        }
        2 => {
            say(
                "user",
                format!("I just met {first}. Anything to write down? It was about {}.", TOPICS[topic].same),
            );
            say("assistant", format!("Yes: {first} {what}. Shall I add it to the record of {company}?"))
        }
        _ => {
            let place = say("user", format!("{first} from {company} {what}. What do you make of it?"));
            say("assistant", "I would answer within two days and offer a short call.".into());
            place
        }
    }
}

fn ask(fact: &Fact, seed: &mut Seed) -> (String, bool) {
    let Fact { first, last, company, topic, month } = *fact;
    let paraphrase = seed.below(5) < 3;
    let about = if paraphrase { TOPICS[topic].other } else { TOPICS[topic].same };
    let month = MONTH[month.month0() as usize];
    let text = match seed.below(5) {
        0 => format!("What did {first} say about {about} in {month}?"),
        1 => format!("Do you remember what {first} {last} told us on {about}?"),
        2 => format!("{company}: what was that with {about}, around {month}?"),
        3 => format!("What do we know from {first} at {company} about {about}?"),
        _ => format!("In {month} {first} {last} of {company} mentioned {about}. What was it exactly?"),
    };
    (text, paraphrase)
}
