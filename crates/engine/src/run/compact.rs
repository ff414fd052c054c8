//! The one compaction path: archive, summary, cut-over. Each step commits by
//! itself, and whoever takes the run over goes on where it stopped.

use bytes::Bytes;
use domain::{
    ArchiveId, Event, Result,
    models::{Candidate, Feature},
    session::Message,
};
use model::{Answer, Broken, Delta, ModelError, Ring, Room};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::{
    archives::{self, NewArchive, Range, Summarized},
    trust,
    turns::{self, Past},
    usage,
};
use tokio::time::Instant;

use super::{
    Left, Run,
    answer::{ended_early, in_time, tell_circuit},
};
use crate::{
    compaction::{self, FUTILE, Keep, SUMMARY_TIME, tokens},
    crash::{self, CrashPoint},
    prompt, routing,
    telemetry::ModelCall,
    windows::{WINDOW, WINDOW_TIME},
};

/// What is wanted of a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// As much as the thresholds say.
    Room,
    /// The provider refused the prompt: everything but the newest turn, if need be.
    Rescue,
    /// A person asked for it: everything, if need be.
    All,
}

/// What an image or a document counts as, in bytes of text.
const MEDIA_BYTES: usize = 6_000;

impl Run {
    /// Compacts before a model call, if the messages have outgrown their part of
    /// the window.
    pub(super) async fn make_room(&mut self) -> Result<(), Left> {
        while self.outgrown().await? {
            if !self.compact(Want::Room).await? {
                break;
            }
            self.count_futile().await?;
        }
        Ok(())
    }

    /// After the provider refused the prompt as too long.
    pub(super) async fn rescue(&mut self, error: &ModelError) -> Result<(), Left> {
        self.rescues += 1;
        if self.rescues > FUTILE || !self.compact(Want::Rescue).await? {
            return self.model_failed(error).await;
        }
        Ok(())
    }

    /// A run that a person started for the compaction alone.
    pub(super) async fn compact_only(&mut self) -> Result<(), Left> {
        self.compact(Want::All).await?;
        self.done().await
    }

    async fn count_futile(&mut self) -> Result<(), Left> {
        if self.outgrown().await? {
            self.futile += 1;
        }
        if self.futile >= FUTILE {
            let text = "the conversation is too long for the model, and compacting it freed too little";
            return self.failed("prompt_too_long", text, false).await;
        }
        Ok(())
    }

    async fn outgrown(&mut self) -> Result<bool, Left> {
        if let Some(outgrown) = self.outgrown_as_known() {
            return Ok(outgrown);
        }
        let window = self.window_of(&self.ring.current().clone()).await?;
        Ok(self.outgrown_in(window))
    }

    /// The same without asking the provider for the model's window. None: it has to be asked.
    pub(super) fn outgrown_as_known(&self) -> Option<bool> {
        if self.engine.settings().compaction.at_tokens.is_some() {
            return Some(self.outgrown_in(0));
        }
        match self.engine.known_window(self.lease.org, self.ring.current()) {
            Some(window) => Some(self.outgrown_in(window)),
            // Far below any window that nobody has named there is no need to know it.
            None => (self.message_bytes() < 100_000).then_some(false),
        }
    }

    fn outgrown_in(&self, window: usize) -> bool {
        let fixed = tokens(self.frozen.tools.len() + self.frozen.system.len(), self.token_ratio);
        let answer = self.engine.answer_tokens(self.ring.current());
        let at = self.engine.settings().compaction.at(window, fixed, answer);
        tokens(self.message_bytes(), self.token_ratio) >= at
    }

    fn message_bytes(&self) -> usize {
        self.history.iter().map(bytes).sum()
    }

    /// Whether a model has room for the conversation and an answer, as far as its window is known.
    pub(super) fn room(&self) -> impl Fn(&Candidate) -> Room + use<> {
        // Where nobody else can be asked it does not matter, and to measure it takes a look at every message.
        let (whole, least) = if self.ring.is_alone() {
            (0, 0)
        } else {
            let whole = self.prompt_bytes();
            let size = |bytes| tokens(bytes, self.token_ratio);
            (size(whole), size(whole - self.bytes_before_newest_turn()))
        };
        let (engine, org) = (self.engine.clone(), self.lease.org);
        move |candidate| {
            let answer = engine.answer_tokens(candidate);
            match engine.known_window(org, candidate) {
                Some(window) if least + answer > window => Room::None,
                Some(window) if whole + answer > window => Room::Short,
                _ => Room::Enough,
            }
        }
    }

    /// What a compaction may take out of the prompt.
    fn bytes_before_newest_turn(&self) -> usize {
        let asks = |past: &Past| past.role == "user" && prompt::is_question(&past.content);
        let newest = self.history.iter().rposition(asks).unwrap_or(0);
        self.history[..newest].iter().map(bytes).sum()
    }

    /// Whether a model is known to have more room than the one that is asked, and enough.
    pub(super) fn larger(&self) -> impl Fn(&Candidate) -> bool + use<> {
        let (engine, org, room) = (self.engine.clone(), self.lease.org, self.room());
        let refused = engine.known_window(org, self.ring.current()).unwrap_or_default();
        move |candidate| {
            engine.known_window(org, candidate).is_some_and(|window| window > refused)
                && room(candidate) == Room::Enough
        }
    }

    /// The context window of a model, unless the run is stopped meanwhile.
    async fn window_of(&mut self, candidate: &Candidate) -> Result<usize, Left> {
        let known = self.engine.window(self.lease.org, candidate, &self.secrets);
        let window = in_time(&mut self.stop, Instant::now() + WINDOW_TIME, known).await?;
        Ok(window.unwrap_or(WINDOW))
    }

    /// Archives a range and moves the prompt's beginning behind it. False: there
    /// is nothing that could go.
    pub(super) async fn compact(&mut self, want: Want) -> Result<bool, Left> {
        let Some(range) = self.archive(want).await? else { return Ok(false) };
        if !range.summarized {
            self.summarise(range).await?;
        }
        Ok(true)
    }

    /// The index of the first message that stays.
    fn cut(&self, want: Want) -> Option<usize> {
        let ratio = self.token_ratio;
        let cut = |keep| compaction::cut(&self.history, keep, |past| tokens(bytes(past), ratio));
        let normal = cut(self.engine.settings().compaction.keep());
        match want {
            Want::Room => normal.or_else(|| cut(Keep { tokens: 0, messages: 2 })),
            Want::Rescue => normal.or_else(|| cut(Keep { tokens: 0, messages: 1 })),
            Want::All => normal
                .or_else(|| cut(Keep { tokens: 0, messages: 1 }))
                .or((!self.history.is_empty()).then_some(self.history.len())),
        }
    }

    /// Step one: the complete transcript and its passages, in one transaction.
    async fn archive(&mut self, want: Want) -> Result<Option<Range>, Left> {
        let Some(cut) = self.cut(want) else { return Ok(None) };
        let mut tx = self.guarded().await?;
        // A predecessor may have archived this range and died before the summary.
        if let Some(range) = archives::find_range(&mut tx, self.live_from).await? {
            tx.commit().await?;
            return Ok(Some(range));
        }
        // Superseded messages are no part of the prompt, but of the transcript.
        let end = self.history.get(cut).map(|past| past.seq);
        let messages = archives::messages(&mut tx, self.live_from, end).await?;
        let Some(last_seq) = messages.last().map(|message| message.seq) else { return Ok(None) };
        let transcript = serde_json::to_string(&messages).map_err(domain::Error::internal)?;
        let range = Range { id: ArchiveId::new(), first_seq: self.live_from, last_seq, summarized: false };
        let archive = NewArchive {
            id: range.id,
            first_seq: range.first_seq,
            last_seq: range.last_seq,
            message_count: number(messages.len()),
            transcript: &transcript,
            sha256: Sha256::digest(&transcript).into(),
            tokens_before: number(tokens(self.message_bytes(), self.token_ratio)),
        };
        archives::create(&mut tx, &archive, &compaction::passages(&messages)).await?;
        tx.commit().await?;
        crash::at(CrashPoint::Archived);
        Ok(Some(range))
    }

    /// Steps two and three: the summary, then the cut-over with its event.
    async fn summarise(&mut self, range: Range) -> Result<(), Left> {
        let mut tx = self.guarded().await?;
        let messages = archives::messages(&mut tx, range.first_seq, Some(range.last_seq + 1)).await?;
        tx.commit().await?;
        let (text, by) = self.summary_of(&messages).await?;
        crash::at(CrashPoint::Summarized);
        let text = self.clean(&text);
        let left: usize = self.history.iter().filter(|past| past.seq > range.last_seq).map(bytes).sum();
        let before = number(tokens(self.message_bytes(), self.token_ratio));
        let after = number(tokens(left + text.len(), self.token_ratio));
        let key_points = compaction::key_points(&text);
        let event = Event::Compaction {
            summary_id: range.id,
            message_count: number(messages.len()),
            tokens_before: before,
            tokens_after: after,
        };
        let done = Summarized { range, text: &text, key_points: &key_points, by: &by, tokens_after: after };
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        archives::complete(&mut tx, &done).await?;
        let staged = self.feed.stage(&[event]);
        let frames = self.feed.row(&staged);
        store::events::append(&mut tx, &frames).await?;
        usage::record(&mut tx, &self.unbilled).await?;
        let context = turns::context(tx.tenant(), self.lease.session).await?;
        // The pins that the new snapshot shows are the session's from here on.
        turns::pin(tx.tenant(), self.lease.session, context.pinned, context.told).await?;
        if context.holds_untrusted() {
            trust::distrust(tx.tenant(), self.lease.session).await?;
        }
        self.commit(tx, &frames, &staged).await?;
        self.billed();
        self.untrusted |= context.holds_untrusted();
        self.frozen = self.engine.frozen(self.lease.user, self.offer, (&context, &self.library));
        self.live_from = context.live_from;
        self.history = context.history;
        Ok(())
    }

    /// The model's summary, piece by piece; without a model where that fails.
    async fn summary_of(&mut self, messages: &[Message]) -> Result<(String, String), Left> {
        let earlier = self.frozen.summary_text.clone();
        let extracted = || (compaction::extract(earlier.as_deref(), messages), "extractive".into());
        if self.nobody.is_some() {
            return Ok(extracted());
        }
        let mut so_far = earlier.clone();
        let deadline = Instant::now() + SUMMARY_TIME;
        let asked = routing::for_summary(&self.routes, self.ring.current(), &self.limits);
        let mut ring = self.engine.ring(self.lease.org, asked);
        let window = self.window_of(&ring.current().clone()).await?;
        for piece in compaction::requests(messages, window) {
            match Box::pin(self.ask_summary(&mut ring, so_far.as_deref(), &piece, deadline)).await? {
                Some(text) => so_far = Some(text),
                None => return Ok(extracted()),
            }
        }
        Ok(so_far.map_or_else(extracted, |text| (text, ring.current().name().to_owned())))
    }

    /// The summary of the first model that has one.
    async fn ask_summary(
        &mut self,
        ring: &mut Ring,
        so_far: Option<&str>,
        piece: &str,
        deadline: Instant,
    ) -> Result<Option<String>, Left> {
        let room = self.room_for(piece.len() + so_far.map_or(0, str::len));
        ring.begin(false, &room);
        let mut asked_again = false;
        while Instant::now() < deadline {
            let candidate = ring.current().clone();
            let request = compaction::request(candidate.name(), so_far, piece);
            Box::pin(self.afford(self.needs_of(&candidate, || request.len(), compaction::ANSWER))).await?;
            let error = match self.summarised_by(ring, &candidate, request, deadline).await? {
                Ok(answer) => {
                    ring.answered();
                    return Ok(Some(answer.text()).filter(|text| !text.trim().is_empty()));
                }
                Err(error) => error,
            };
            tracing::warn!(run = %self.lease.run, model = candidate.model, %error, "no summary from the model");
            tell_circuit(ring, &error, Instant::now() < deadline);
            if !error.is_retryable() {
                return Ok(None);
            }
            if ring.fall_over(&room) {
                self.fell_over(&candidate.model, ring, &error);
            } else if matches!(error, ModelError::Cut { .. }) && !asked_again {
                asked_again = true;
                ring.begin(true, &room);
            } else {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Whether a model has room for a summary's input of this size.
    fn room_for(&self, bytes: usize) -> impl Fn(&Candidate) -> Room + use<> {
        let (engine, org) = (self.engine.clone(), self.lease.org);
        let input = tokens(bytes, self.token_ratio);
        let answer = usize::try_from(compaction::ANSWER).unwrap_or(usize::MAX);
        move |candidate| {
            let fits = engine.known_window(org, candidate).is_none_or(|window| input + answer <= window);
            if fits { Room::Enough } else { Room::None }
        }
    }

    /// One model's summary.
    async fn summarised_by(
        &mut self,
        ring: &Ring,
        candidate: &Candidate,
        request: Bytes,
        deadline: Instant,
    ) -> Result<Result<Answer, ModelError>, Left> {
        let sent = request.len();
        let mut stream = match self.client(ring).and_then(|client| client.stream(request)) {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        let mut call = self.observe(candidate, compaction::ANSWER);
        let outcome = loop {
            match in_time(&mut self.stop, deadline, stream.next()).await {
                Ok(Some(Ok(Some(Delta::Complete(answer))))) => break Ok(Ok(answer)),
                Ok(Some(Ok(Some(Delta::BrokeOff(broken))))) => {
                    self.bill_summary(candidate, &mut call, sent, broken);
                    let needs = self.needs_of(candidate, || sent, compaction::ANSWER);
                    if let Err(left) = Box::pin(self.afford(needs)).await {
                        call.ended(Err(&ended_early()));
                        return Err(left);
                    }
                }
                Ok(Some(Ok(Some(delta)))) => call.piece(&delta),
                Ok(Some(Ok(None))) => break Ok(Err(ended_early())),
                Ok(Some(Err(error))) => break Ok(Err(error)),
                Ok(None) => {
                    let detail = "the summary took longer than one may".into();
                    break Ok(Err(ModelError::Timeout { detail }));
                }
                Err(left) => break Err(left),
            }
        };
        if let Ok(Ok(answer)) = &outcome {
            self.bill_summary(candidate, &mut call, sent, answer.into());
        } else if let Some(broken) = stream.broken() {
            self.bill_summary(candidate, &mut call, sent, broken);
        }
        if let Ok(outcome) = &outcome {
            call.ended(outcome.as_ref());
        }
        outcome
    }

    /// Counts what a call for a summary has used: the bytes that were sent, and what came.
    fn bill_summary(&mut self, candidate: &Candidate, call: &mut ModelCall, sent: usize, came: Broken) {
        let counted = self.counted(came.usage, || sent, || came.received, came.whole);
        call.used(self.bill(Feature::Summary, candidate, counted));
    }
}

/// Bytes of a message as far as they cost tokens: a picture counts as a page of text. Measured once.
pub(super) fn bytes(past: &Past) -> usize {
    *past.bytes.get_or_init(|| {
        let stored = past.content.len() + past.context.len();
        if !past.content.contains(r#""base64""#) {
            return stored;
        }
        let blocks: Vec<Value> = serde_json::from_str(&past.content).unwrap_or_default();
        let data = |block: &Value| {
            block["source"]["data"].as_str().filter(|_| block["source"]["type"] == "base64").map(str::len)
        };
        blocks.iter().filter_map(data).fold(stored, |rest, data| rest.saturating_sub(data) + MEDIA_BYTES)
    })
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
