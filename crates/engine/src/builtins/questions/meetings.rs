//! Meetings.

use domain::{EntityKind, EntityRef, brief::Brief};
use store::{TenantTx, questions};
use tools::{Part, Span, Whose};

use super::{
    Answer, Answered, Asking, Found, LINES, deal, lines, listed, page, say, told, untrusted, value, which,
};

const MEETINGS: &str = "meetings";

pub async fn list(
    tx: &mut TenantTx,
    asking: Asking<'_>,
    (deal_id, contact_id): (Option<&str>, Option<&str>),
    part: Part,
) -> Answered {
    let (clock, page) = (asking.clock(), page(part, LINES));
    let contact = contact_id.map(|id| EntityRef { kind: EntityKind::Contact, id: id.to_owned() });
    // Who names a contact in a conversation about a deal asks about that contact.
    let deal = deal_id.map(deal).or_else(|| asking.bound_deal().filter(|_| contact.is_none()));
    let mut named = Vec::new();
    for entity in [&deal, &contact].into_iter().flatten() {
        named.push(which::known(tx, entity.kind, &entity.id).await?);
    }
    let of: String = named.iter().map(|entity| format!(" with {}", say::title(entity))).collect();
    let rows = match (deal, contact) {
        (Some(deal), contact) => questions::of(tx, &deal, contact.as_ref(), asking.now, page).await?,
        (None, Some(contact)) => questions::of(tx, &contact, None, asking.now, page).await?,
        (None, None) => questions::ended_or_to_come(tx, asking.now, page).await?,
    };
    let mut answer = listed(
        &format!("Meetings{of}, what is to come first, then what was:"),
        &format!("Meetings{of}: none on record."),
        Found { rows, name: MEETINGS, part, page },
        |meeting| lines::line(meeting, clock),
    );
    answer.untrusted |= untrusted(&named);
    Ok(answer)
}

pub async fn next(tx: &mut TenantTx, asking: Asking<'_>) -> Answered {
    let me = tx.membership().map(|me| (me.external_id.clone(), me.name.clone()));
    let Some((id, name)) = me else { return told("The person is no member of the organization.") };
    let Some((meeting, theirs)) = questions::next(tx, asking.now, &id, name.as_deref()).await? else {
        let none = value::one(EntityKind::Meeting, None, &[]);
        return Ok(Answer::none("There is no meeting to come on record.", none));
    };
    let heading = if theirs {
        "The person's next meeting:"
    } else {
        "No meeting to come is on record of which the person is owner or attendee. The organization's next:"
    };
    let text = format!("{heading}\n- {}{}", lines::line(&meeting, asking.clock()), lines::excerpt(&meeting));
    let value = value::one(EntityKind::Meeting, Some(&meeting), &[]);
    Ok(Answer { text, value, untrusted: untrusted([&meeting]) })
}

pub async fn of_period(
    tx: &mut TenantTx,
    asking: Asking<'_>,
    span: &Span,
    whose: Option<Whose>,
    part: Part,
) -> Answered {
    let asking = asking.within(span.timezone.as_deref())?;
    let Some(period) = asking.period(span.period.as_deref())? else { return told("Give a period.") };
    let (clock, page) = (asking.clock(), page(part, LINES));
    let moments = period.moments(asking.zone);
    let (what, rows) = match whose.unwrap_or(Whose::All) {
        Whose::All => ("Meetings", questions::in_period(tx, moments, page).await?),
        Whose::Mine => ("The person's own meetings", questions::mine_in_period(tx, moments, page).await?),
    };
    let days = if period.first == period.last {
        format!("on {}", clock.day(period.first))
    } else {
        format!("from {} to {}", say::date(period.first), say::date(period.last))
    };
    let zone = asking.zone.name();
    Ok(listed(
        &format!("{what} {days} ({zone}):"),
        &format!("{what} {days} ({zone}): none on record."),
        Found { rows, name: MEETINGS, part, page },
        |meeting: &Brief| lines::line(meeting, clock),
    ))
}
