//! What people click: decisions about calls, answers to questions, and what else a message offers. A decision is the
//! API's own: bound to the same record, held to the same matrix.

use domain::{ApprovalId, Error, OrgId, QuestionId, Result, approval::ApprovalStatus};
use serde_json::{Value, json, value::RawValue};
use store::slack::links::SlackUser;

use super::{
    Slack,
    api::Miss,
    homes::Home,
    intake, person,
    render::{self, Click},
    text_of,
};
use crate::{
    App,
    caller::Caller,
    routes::{
        approvals::{Choice, see, settle, word},
        asked,
    },
};

/// Where somebody clicked.
struct Place<'a> {
    payload: &'a Value,
    org: OrgId,
    person: SlackUser,
}

/// A click, or a form that was filled in. What is told back is for Slack.
pub async fn interaction(app: &App, slack: &Slack, payload: &Value) -> Result<Option<Value>> {
    let (team, user) = (&payload["team"], &payload["user"]);
    let enterprise = text_of(&payload["enterprise"], "id");
    let enterprise = if enterprise.is_empty() { text_of(team, "enterprise_id") } else { enterprise };
    let id = if team.is_null() { text_of(user, "team_id") } else { text_of(team, "id") };
    let named = intake::team_of(enterprise, id);
    let Some(Home { org, team, .. }) = slack.home(app, &named).await? else { return Ok(None) };
    let place = Place { payload, org, person: SlackUser { team, user: text_of(user, "id").to_owned() } };
    let caller = person::caller(app, org, &place.person).await?;
    match (text_of(payload, "type"), caller) {
        ("view_submission", Some(caller)) => submitted(slack, &caller, payload).await,
        ("block_actions", Some(caller)) => clicked(app, slack, &caller, &place).await.map(|()| None),
        ("block_actions", None) => {
            let text = "I do not know you yet. Send me a direct message, and I say how to link yourself.";
            whisper(app, &place, render::notice(text));
            Ok(None)
        }
        _ => Ok(None),
    }
}

async fn clicked(app: &App, slack: &Slack, caller: &Caller, place: &Place<'_>) -> Result<()> {
    let action = &place.payload["actions"][0];
    let value = action["value"].as_str();
    let Some(click) = Click::read(text_of(action, "action_id"), value) else { return Ok(()) };
    let done = match click {
        Click::Approve(id) => decide(slack, caller, id, (Choice::Approve, None)).await,
        Click::Deny(id) => decide(slack, caller, id, (Choice::Deny, None)).await,
        Click::Edit(id) => return edit(app, caller, place, id).await,
        Click::Choose(id, option) => answer(slack, caller, id, &[option]).await,
        Click::Submit(id) => {
            let chosen = render::chosen(&place.payload["state"]["values"]);
            answer(slack, caller, id, &chosen).await
        }
        Click::Say(text) | Click::Ask(text) => return say(app, slack, place, text).await,
        Click::Run(text) => return run(app, slack, place, &text).await,
        Click::Open(..) | Click::Page => return Ok(()),
    };
    match done {
        Err(error @ (Error::Internal(_) | Error::Unavailable { .. })) => Err(error),
        Err(refusal) => {
            whisper(app, place, render::notice(&why(&refusal)));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Why a click did nothing, for whoever clicked.
fn why(refusal: &Error) -> String {
    match refusal {
        Error::NotFound => "This is not yours to decide.".into(),
        Error::Conflict { detail, .. } | Error::Forbidden { detail, .. } | Error::Invalid { detail, .. } => {
            format!("Nothing was done: {detail}.")
        }
        other => other.to_string(),
    }
}

/// Decides as the API does.
async fn decide(
    slack: &Slack,
    caller: &Caller,
    id: ApprovalId,
    (choice, input): (Choice, Option<Box<RawValue>>),
) -> Result<()> {
    let word = word(caller, choice, input, None)?;
    caller
        .tx(async |tx| {
            let approval = see(tx, id).await?;
            settle(caller, tx, &approval, &word).await
        })
        .await?;
    caller.app.engine.wake();
    slack.wake.notify_one();
    Ok(())
}

/// Opens the form in which the arguments are changed. Slack gives three seconds for it.
async fn edit(app: &App, caller: &Caller, place: &Place<'_>, id: ApprovalId) -> Result<()> {
    let found = caller.tx(async |tx| see(tx, id).await).await;
    let approval = match found {
        Ok(approval) if approval.status == ApprovalStatus::Pending => approval,
        Ok(_) => {
            whisper(app, place, render::notice("This was decided already, or its time is over."));
            return Ok(());
        }
        Err(Error::NotFound) => {
            whisper(app, place, render::notice(&why(&Error::NotFound)));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let schema = app.engine.schema_of(&approval.name);
    let view = render::edit_modal(&approval, schema.as_ref());
    let (org, team) = (place.org, place.person.team.clone());
    let arguments = json!({ "trigger_id": text_of(place.payload, "trigger_id"), "view": view });
    super::beside(app, "a form could not be opened in Slack", |app, slack| async move {
        let Some(workspace) = slack.connected(&app, org, &team).await? else { return Ok(()) };
        let opened = slack.api.call(&workspace.token, "views.open", &arguments).await;
        opened.map(drop).map_err(|miss| unsaid(&miss))
    });
    Ok(())
}

/// The form is filled in: what is wrong with it is told field by field.
async fn submitted(slack: &Slack, caller: &Caller, payload: &Value) -> Result<Option<Value>> {
    let view = &payload["view"];
    if text_of(view, "callback_id") != render::CALLBACK {
        return Ok(None);
    }
    let Ok(id) = text_of(view, "private_metadata").parse::<ApprovalId>() else { return Ok(None) };
    let values = &view["state"]["values"];
    let refuse = |error: &str| Ok(Some(render::explained(error)));
    let approval = match caller.tx(async |tx| see(tx, id).await).await {
        Ok(approval) => approval,
        Err(Error::NotFound) => return refuse(&why(&Error::NotFound)),
        Err(error) => return Err(error),
    };
    let input = match render::edited_input(approval.input.get(), values) {
        Ok(input) => input,
        Err(problems) => return Ok(Some(render::refused(&problems))),
    };
    match decide(slack, caller, id, (Choice::Approve, Some(input))).await {
        Ok(()) => Ok(None),
        Err(error @ (Error::Internal(_) | Error::Unavailable { .. })) => Err(error),
        Err(Error::Invalid { fields, .. }) if !fields.is_empty() => {
            Ok(Some(render::refused_fields(&fields, values)))
        }
        Err(refusal) => refuse(&why(&refusal)),
    }
}

/// Answers what the copilot has asked, with some of the options that it offered.
async fn answer(slack: &Slack, caller: &Caller, id: QuestionId, chosen: &[usize]) -> Result<()> {
    caller
        .tx(async |tx| {
            let question = asked::see(tx, id).await?;
            let texts: Vec<String> =
                chosen.iter().filter_map(|place| question.options.get(*place).cloned()).collect();
            if texts.is_empty() {
                return Err(Error::field("answer", "must be one of the options"));
            }
            asked::settle(caller, tx, &question, &texts).await
        })
        .await?;
    caller.app.engine.wake();
    slack.wake.notify_one();
    Ok(())
}

/// Says something in the name of whoever clicked, where they clicked.
async fn say(app: &App, slack: &Slack, place: &Place<'_>, text: String) -> Result<()> {
    let container = &place.payload["container"];
    let channel = text_of(&place.payload["channel"], "id");
    let message = &place.payload["message"];
    let thread = [text_of(message, "thread_ts"), text_of(container, "thread_ts"), text_of(message, "ts")];
    let thread = thread.into_iter().find(|ts| !ts.is_empty());
    let ephemeral = container["is_ephemeral"] == true || thread.is_none();
    let said = intake::Said {
        person: place.person.clone(),
        channel: channel.to_owned(),
        thread: thread.filter(|_| !ephemeral).map(str::to_owned),
        shared: !ephemeral && !channel.starts_with('D'),
        response_url: place.response_url(slack).filter(|_| ephemeral),
        command: None,
        text,
        keys: vec![place.key()],
    };
    if let intake::Taken::TooMuch = slack.enter(&place.person.team, slack.take(app, place.org, &said)).await?
    {
        whisper(app, place, render::notice(&intake::too_much()));
    }
    Ok(())
}

/// Carries out a slash command that was meant.
async fn run(app: &App, slack: &Slack, place: &Place<'_>, text: &str) -> Result<()> {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let url = place.response_url(slack).unwrap_or_default();
    let form = [
        field("enterprise_id", &place.person.team.enterprise),
        field("team_id", &place.person.team.team),
        field("user_id", &place.person.user),
        field("channel_id", text_of(&place.payload["channel"], "id")),
        field("command", "/sixty"),
        field("text", text),
        field("response_url", &url),
    ];
    let Some(told) = super::slash_command(app, slack, &form, &place.key()).await? else { return Ok(()) };
    super::beside(app, "a command that was clicked could not be answered", |_, slack| async move {
        slack.api.respond(&url, &told).await.map_err(|miss| unsaid(&miss))
    });
    Ok(())
}

impl Place<'_> {
    fn response_url(&self, slack: &Slack) -> Option<String> {
        let url = text_of(self.payload, "response_url");
        slack.api.is_response_url(url).then(|| url.to_owned())
    }

    /// By what this click is known: a second delivery of it does nothing.
    fn key(&self) -> String {
        format!("click:{}", text_of(self.payload, "trigger_id"))
    }
}

/// Says something to whoever clicked, beside the request.
fn whisper(app: &App, place: &Place<'_>, message: render::Message) {
    let said = intake::Said {
        person: place.person.clone(),
        channel: text_of(&place.payload["channel"], "id").to_owned(),
        thread: None,
        shared: false,
        response_url: None,
        command: None,
        text: String::new(),
        keys: Vec::new(),
    };
    let (org, url) = (place.org, text_of(place.payload, "response_url").to_owned());
    super::beside(app, "whoever clicked could not be told why nothing was done", |app, slack| async move {
        let url = Some(url).filter(|url| slack.api.is_response_url(url));
        let said = intake::Said { response_url: url, ..said };
        slack.whisper(&app, org, &said, message).await
    });
}

fn unsaid(miss: &Miss) -> Error {
    Error::internal(format!("{miss:?}"))
}
