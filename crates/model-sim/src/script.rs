//! The queue of scripted replies.

use std::{collections::VecDeque, sync::Arc};

use crate::{Reply, Request};

type Matcher = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

#[derive(Default)]
pub(crate) struct Script {
    entries: VecDeque<Entry>,
}

struct Entry {
    matches: Option<Matcher>,
    reply: Reply,
}

impl Script {
    pub fn push(&mut self, reply: Reply) {
        let matches = reply.only_for.clone().map(|words| {
            Arc::new(move |request: &Request| request.last_user_text().contains(&words)) as Matcher
        });
        self.entries.push_back(Entry { matches, reply });
    }

    pub fn push_if(&mut self, matches: impl Fn(&Request) -> bool + Send + Sync + 'static, reply: Reply) {
        self.entries.push_back(Entry { matches: Some(Arc::new(matches)), reply });
    }

    /// The next reply for this request: the first that was made for it, else
    /// the first that was made for anyone.
    pub fn take(&mut self, request: &Request) -> Option<Reply> {
        let made_for_it = |entry: &Entry| entry.matches.as_ref().is_some_and(|matches| matches(request));
        let position = self.entries.iter().position(made_for_it);
        let position = position.or_else(|| self.entries.iter().position(|entry| entry.matches.is_none()))?;
        self.entries.remove(position).map(|entry| entry.reply)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
