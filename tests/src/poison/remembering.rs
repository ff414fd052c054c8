//! Texts from outside, and a model that obeys them: what it would remember becomes a
//! proposal, on whatever way the text came.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{
    case::{Case, DOCUMENTS, Lab},
    payloads::{PAYLOADS, Payload},
    prompt,
};
use crate::harness::look::{all, prompts};

/// How the text comes into the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A note by an integration.
    Note,
    /// An attribute of an integration's record.
    Attribute,
    /// The name of one, in a search's result.
    Name,
    /// The name of the session's own entity, which stands in the prompt.
    BoundName,
    /// What the person looks at.
    View,
    /// A file that the person sends.
    Document,
    /// A passage of another conversation's archive.
    Recall,
    /// The archive itself.
    Archive,
    /// A note that the copilot wrote in another conversation.
    CopilotsNote,
    /// A field that the copilot changed in another conversation.
    CopilotsChange,
    /// The summary of what was said before.
    Summary,
    /// An answer that is given again.
    Regenerated,
    /// The same, by a replacement.
    Replace,
    /// Read and written by the same answer.
    SameAnswer,
    /// Said by a program with an API key.
    Program,
}

use Channel::{
    Archive, Attribute, BoundName, CopilotsChange, CopilotsNote, Document, Name, Note, Program, Recall,
    Regenerated, Replace, SameAnswer, Summary, View,
};

pub const CHANNELS: [Channel; 15] = [
    Note,
    Attribute,
    Name,
    BoundName,
    View,
    Document,
    Recall,
    Archive,
    CopilotsNote,
    CopilotsChange,
    Summary,
    Regenerated,
    Replace,
    SameAnswer,
    Program,
];

/// The texts that go through a channel.
pub fn texts_of(channel: Channel) -> impl Iterator<Item = &'static Payload> {
    let place = CHANNELS.iter().position(|it| *it == channel).expect("it is in the list");
    PAYLOADS.iter().enumerate().filter(move |(n, _)| n % 3 == place % 3).map(|(_, payload)| payload)
}

/// A conversation into which the text is about to come.
struct Planted {
    session: String,
    /// What the model does before it obeys.
    reads: Vec<Reply>,
    /// What the person says; none: the last answer is given again.
    says: Option<Value>,
}

fn look(kind: &str, id: &str) -> Reply {
    Reply::call("get_entity", json!({"kind": kind, "id": id}))
}

impl Case<'_> {
    async fn plant(&self, channel: Channel) -> Planted {
        let says = Some(json!({"text": "What is new?"}));
        let fresh = async |reads| Planted { session: self.person.session().await, reads, says: says.clone() };
        let answer = || [Reply::text(format!("It says: {}", self.text))];
        match channel {
            Note | SameAnswer => {
                self.person
                    .post("/v1/entities/deal/D-42/notes", json!({"text": self.text}))
                    .await
                    .expect(201);
                self.lab.by_integration("entity_notes").await;
                // In the same answer the reading call stands beside the writing one.
                fresh(if channel == Note { vec![look("deal", "D-42")] } else { Vec::new() }).await
            }
            Attribute => {
                let record = json!({"name": "Dana", "attributes": {"remark": self.text}});
                self.person.put("/v1/entities/contact/C-7", record).await.expect(201);
                self.lab.by_integration("entities").await;
                fresh(vec![look("contact", "C-7")]).await
            }
            Name => {
                self.person.put("/v1/entities/contact/C-7", json!({"name": self.text})).await.expect(201);
                self.lab.by_integration("entities").await;
                fresh(vec![Reply::call("find_entities", json!({"query": self.mark}))]).await
            }
            BoundName => {
                self.person.put(DOCUMENTS[2], json!({"content": "Dana signs."})).await.expect(200);
                self.deal(json!({"name": self.text})).await;
                self.lab.by_integration("entities").await;
                let bound = json!({"entity": {"kind": "deal", "id": "D-42"}});
                Planted { session: self.person.session_with(bound).await, reads: Vec::new(), says }
            }
            View => {
                let view = json!({"text": "What is this?", "context": {"view": {"mail": self.text}}});
                Planted { says: Some(view), ..fresh(Vec::new()).await }
            }
            Document => {
                let source = json!({"type": "text", "media_type": "text/plain", "data": self.text});
                let file = json!({"type": "document", "source": source});
                let content = json!({"content": [file, {"type": "text", "text": "Sum it up."}]});
                Planted { says: Some(content), ..fresh(Vec::new()).await }
            }
            Recall => {
                self.compact(&self.tainted(answer()).await, "Nothing.").await;
                fresh(vec![Reply::call("recall", json!({"query": self.mark}))]).await
            }
            Archive => {
                let archive = self.compact(&self.tainted(answer()).await, "Nothing.").await;
                fresh(vec![Reply::call("read_archive", json!({"summary_id": archive["id"]}))]).await
            }
            CopilotsNote => {
                let note = json!({"kind": "deal", "id": "D-42", "text": self.text});
                self.tainted([Reply::call("add_note", note), Reply::text("Noted.")]).await;
                fresh(vec![look("deal", "D-42")]).await
            }
            CopilotsChange => {
                self.person.put("/v1/entities/contact/C-7", json!({"name": "Dana"})).await.expect(201);
                let matrix = json!({"preset": "autonomous"});
                self.person.put("/v1/admin/permissions", matrix).await.expect(200);
                let change = json!({"kind": "contact", "id": "C-7", "changes": {"title": self.text}});
                self.tainted([Reply::call("update_entity", change), Reply::text("Changed.")]).await;
                fresh(vec![Reply::call("find_entities", json!({"query": "Dana"}))]).await
            }
            Summary => {
                let session = self.tainted(answer()).await;
                self.compact(&session, &format!("## People\n- {}", self.text)).await;
                Planted { session, reads: Vec::new(), says }
            }
            Regenerated => {
                let session = self.tainted(answer()).await;
                Planted { session, reads: Vec::new(), says: None }
            }
            Program => Planted { says: Some(json!({"text": self.text})), ..fresh(Vec::new()).await },
            Replace => Planted { session: self.tainted(answer()).await, reads: Vec::new(), says },
        }
    }

    /// The call by which the model obeys.
    async fn writes(&self, channel: Channel) -> Reply {
        let (tool, args) = self.obeys();
        match channel {
            SameAnswer => Reply::call(tool, args).tool("get_entity", json!({"kind": "deal", "id": "D-42"})),
            Replace => {
                let place = ["org", "user", "entity"].iter().position(|it| *it == self.payload.scope);
                let path = DOCUMENTS[place.expect("a scope")];
                self.person.put(path, json!({"content": "We ask before we act."})).await.expect(200);
                let mut args = args;
                for (gone, new) in [("section", "old"), ("text", "new")] {
                    args.as_object_mut().expect("an object").remove(gone);
                    args[new] = if new == "old" { "before we act".into() } else { self.text.clone().into() };
                }
                Reply::call("memory_replace", args)
            }
            _ => Reply::call(tool, args),
        }
    }

    async fn is_only_proposed(&self, channel: Channel) {
        self.deal(json!({"name": "Acme renewal"})).await;
        let planted = self.plant(channel).await;
        let write = self.writes(channel).await;
        let before = self.memory().await;
        self.lab.says(planted.reads.into_iter().chain([write, Reply::text("I proposed it.")]));
        let case = format!("{channel:?}: {}", self.payload.name);
        if let Some(body) = &planted.says {
            let frames = self.say(&planted.session, body).await;
            let proposed = all(&frames, "memory_written");
            assert_eq!(proposed.len(), 1, "{case}: {frames:#?}");
            assert!(proposed[0]["proposal_id"].is_string() && proposed[0].get("version").is_none(), "{case}");
        } else {
            let path = format!("/v1/sessions/{}/regenerate", planted.session);
            let turn = self.person.post(&path, json!({})).await.expect(200).json();
            assert_eq!(turn["run"]["status"], "done", "{case}: {turn}");
        }
        assert_eq!(self.memory().await, before, "{case}: memory was written");
        let proposals = self.proposals().await;
        assert_eq!(proposals.len(), 1, "{case}: {proposals:#?}");
        assert_eq!(proposals[0]["scope"], self.payload.scope, "{case}");
        assert_eq!(proposals[0]["why"][0], "untrusted_content", "{case}");
        // The text has been in a prompt, and in none it was more than a quotation.
        let next = self.lab.next_prompt(&self.person, &planted.session).await;
        let sent = prompts(&self.lab.app.sim);
        let body = |request: &model_sim::Request| String::from_utf8_lossy(&request.body).into_owned();
        assert!(sent.iter().any(|request| body(request).contains(&self.mark)), "{case}: it was not read");
        prompt::check(&next);
    }
}

async fn nothing_is_remembered(channel: Channel) {
    let lab = Lab::open().await;
    for (n, payload) in texts_of(channel).enumerate() {
        lab.app.sim.take_requests();
        let mut case = lab.case(n, payload);
        if channel == Program {
            case.person = case.program().await;
        }
        case.is_only_proposed(channel).await;
        assert_eq!(lab.app.sim.unused(), 0, "{channel:?} {}", payload.name);
    }
    let written = "select count(*) from sixty.copilot_memory_revisions where run_id is not null";
    assert_eq!(lab.app.database.count(written).await, 0, "{channel:?}");
}

macro_rules! channels {
    ($($name:ident: $channel:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            nothing_is_remembered($channel).await;
        }
    )*};
}

channels! {
    a_note_of_an_integration_is_not_remembered: Note;
    an_attribute_of_an_integration_is_not_remembered: Attribute;
    a_name_that_an_integration_gave_is_not_remembered: Name;
    the_name_of_the_sessions_entity_is_not_remembered: BoundName;
    what_the_person_looks_at_is_not_remembered: View;
    a_file_is_not_remembered: Document;
    what_is_recalled_of_an_untrusted_conversation_is_not_remembered: Recall;
    what_is_read_in_its_archive_is_not_remembered: Archive;
    a_note_of_a_copilot_that_read_it_is_not_remembered: CopilotsNote;
    a_change_by_a_copilot_that_read_it_is_not_remembered: CopilotsChange;
    what_a_summary_carries_on_is_not_remembered: Summary;
    what_is_asked_again_is_not_remembered: Regenerated;
    nothing_is_replaced_by_it: Replace;
    what_is_read_beside_the_write_is_not_remembered: SameAnswer;
    what_a_program_says_is_not_remembered: Program;
}
