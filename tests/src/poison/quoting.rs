//! Texts that people or the service itself have stored: in every prompt they stay in
//! their blocks, nothing hides in them, and the rules come after them.

use model_sim::Reply;
use serde_json::json;

use super::{
    case::{Case, DOCUMENTS, Lab},
    payloads::PAYLOADS,
    prompt,
};
use crate::{
    harness::{
        Person,
        look::{end, prompts},
    },
    identity::forge,
};

/// Where the text is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Memory, as a person wrote it.
    Org,
    User,
    Entity,
    /// The name of the session's entity, and of the person.
    EntityName,
    PersonName,
    /// What the person looks at.
    View,
    /// What was added to memory since the conversation began.
    Update,
    /// A result: the notes and attributes of a record.
    Record,
    /// A summary of what was said before.
    Summary,
    /// A proposal that a person accepted with these words: memory, and the result that comes late.
    Edited,
    /// The title of a conversation: no prompt has it.
    Title,
}

use Channel::{Edited, Entity, EntityName, Org, PersonName, Record, Summary, Title, Update, User, View};

pub const CHANNELS: [Channel; 11] =
    [Org, User, Entity, EntityName, PersonName, View, Update, Record, Summary, Edited, Title];

fn bound() -> serde_json::Value {
    json!({"entity": {"kind": "deal", "id": "D-42"}})
}

impl Case<'_> {
    /// Has the text stored; the conversation whose next prompt quotes it.
    async fn store(&self, channel: Channel) -> (Person, String) {
        let person = &self.person;
        let session = match channel {
            Org | User | Entity => {
                let path = DOCUMENTS[[Org, User, Entity].iter().position(|it| *it == channel).expect("one")];
                person.put(path, json!({"content": self.text})).await.expect(200);
                person.session_with(bound()).await
            }
            EntityName => {
                self.deal(json!({"name": self.text})).await;
                person.put(DOCUMENTS[2], json!({"content": "Dana signs."})).await.expect(200);
                person.session_with(bound()).await
            }
            PersonName => {
                let claims =
                    json!({"sub": "kim", "org_id": self.org, "org_role": "owner", "name": self.text});
                let kim = person.with_token(forge::with_claims(claims));
                kim.put(DOCUMENTS[1], json!({"content": "Short answers."})).await.expect(200);
                let session = kim.session().await;
                return (kim, session);
            }
            View => self.tainted([Reply::text("I see.")]).await,
            Update => {
                let session = person.session().await;
                let fact = json!({"scope": "user", "section": "Facts", "text": self.text});
                self.lab.says([Reply::call("memory_append", fact), Reply::text("Noted.")]);
                self.say(&session, &json!({"text": "Remember it."})).await;
                session
            }
            Record => {
                let record = json!({"name": "Dana", "attributes": {"remark": self.text}});
                person.put("/v1/entities/contact/C-7", record).await.expect(201);
                person.post("/v1/entities/contact/C-7/notes", json!({"text": self.text})).await.expect(201);
                let session = person.session().await;
                let look = Reply::call("get_entity", json!({"kind": "contact", "id": "C-7"}));
                self.lab.says([look, Reply::text("I see.")]);
                self.say(&session, &json!({"text": "Who is Dana?"})).await;
                session
            }
            Summary => {
                let session = self.tainted([Reply::text("I see.")]).await;
                self.compact(&session, &format!("## People\n- {}", self.text)).await;
                session
            }
            Edited => self.accept_edited().await,
            Title => {
                let session = person.session().await;
                person
                    .patch(&format!("/v1/sessions/{session}"), json!({"title": self.text}))
                    .await
                    .expect(200);
                session
            }
        };
        (person.clone(), session)
    }

    async fn accept_edited(&self) -> String {
        let session = self.person.session().await;
        let fact = json!({"scope": "org", "section": "Facts", "text": "We sell tea"});
        self.lab.says([Reply::call("memory_append", fact), Reply::text("I proposed it.")]);
        self.say(&session, &json!({"text": "Remember it."})).await;
        let id = self.proposals().await[0]["id"].as_str().expect("an id").to_owned();
        let word = json!({"decision": "approve", "text": self.text});
        let path = format!("/v1/memory/proposals/{id}");
        let run = self.person.post(&path, word).await.expect(202).json()["run_id"].clone();
        let done = self.person.follow(run.as_str().expect("an id"), None).await.rest().await;
        assert_eq!(end(&done).data["status"], "done", "{done:#?}");
        session
    }

    async fn stays_a_quotation(&self, channel: Channel) {
        self.deal(json!({"name": "Acme renewal"})).await;
        let (person, session) = self.store(channel).await;
        let next = self.lab.next_prompt(&person, &session).await;
        let quoted = prompt::check(&next);
        assert_eq!(
            quoted.contains(&self.mark),
            channel != Title,
            "{channel:?} {}: {quoted}",
            self.payload.name
        );
        if channel == Edited {
            // The next conversation has it as memory.
            let next = self.lab.next_prompt(&person, &person.session().await).await;
            assert!(prompt::check(&next).contains(&self.mark));
        }
        // Neither could the summary's own request be left.
        for request in prompts(&self.lab.app.sim) {
            let text = request.last_user_text();
            let transcript =
                text.split_once("<conversation>\n").and_then(|(_, rest)| rest.rsplit_once("</conversation>"));
            if let Some((transcript, _)) = transcript {
                prompt::harmless(transcript);
            }
        }
    }
}

async fn every_text_stays_a_quotation(channel: Channel) {
    let lab = Lab::open().await;
    for (n, payload) in PAYLOADS.iter().enumerate() {
        lab.app.sim.take_requests();
        lab.case(n, payload).stays_a_quotation(channel).await;
        assert_eq!(lab.app.sim.unused(), 0, "{channel:?} {}", payload.name);
    }
}

macro_rules! channels {
    ($($name:ident: $channel:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            every_text_stays_a_quotation($channel).await;
        }
    )*};
}

channels! {
    memory_of_the_organization_stays_in_its_block: Org;
    memory_of_the_person_stays_in_its_block: User;
    memory_of_the_entity_stays_in_its_block: Entity;
    the_entitys_name_stays_in_its_quotation_marks: EntityName;
    the_persons_name_stays_in_its_quotation_marks: PersonName;
    what_the_person_looks_at_stays_in_the_context: View;
    an_update_of_memory_stays_in_its_block: Update;
    a_record_stays_in_the_result: Record;
    a_summary_stays_in_its_block: Summary;
    what_a_person_made_of_a_proposal_stays_in_its_block: Edited;
    a_title_is_in_no_prompt: Title;
}
