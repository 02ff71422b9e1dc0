//! The provider behind the strict rules: drafts one by one, counts tokens, and keeps batches.

use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::job::{End, Job};
use crate::rules;
use crate::server::{Answer, Request};
use crate::wire::{Asked, billed, error};

/// On a page of the list, whatever was asked for, so that pages have to be turned.
const PAGE: usize = 2;

/// What becomes of the next submission of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Submission {
    /// It makes a batch.
    #[default]
    Taken,
    /// It makes a batch, and the answer is lost.
    AnswerLost,
    /// It makes none, and there is no answer.
    RequestLost,
    /// It makes none: too many requests for now.
    Limited,
}

type Clock = dyn Fn() -> DateTime<Utc> + Send + Sync;
type Model = dyn Fn(&Asked, usize) -> Answer + Send + Sync;
type Rule = dyn Fn(&Asked) -> End + Send + Sync;

/// The provider.
pub struct Provider {
    clock: Box<Clock>,
    state: Mutex<State>,
}

struct State {
    next: Submission,
    /// What is answered to a request for one draft, and to how many for the same person before it.
    model: Arc<Model>,
    /// How requests of batches end from now on; `None` while batches go on and on.
    ends: Option<Arc<Rule>>,
    jobs: Vec<Job>,
    /// Requests for one draft, with what they were billed in picodollars.
    drafts: Vec<(Asked, u64)>,
    /// What was wrong with requests.
    problems: Vec<String>,
}

impl Provider {
    /// One with this clock. It writes a good text to everybody; batches go on until the test ends them.
    #[must_use]
    pub fn new(clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Arc<Self> {
        let state = State {
            next: Submission::Taken,
            model: Arc::new(|asked, _| Answer::json(200, &asked.message())),
            ends: None,
            jobs: Vec::new(),
            drafts: Vec::new(),
            problems: Vec::new(),
        };
        Arc::new(Self {
            clock: Box::new(clock),
            state: Mutex::new(state),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("lock")
    }

    /// What becomes of the next submission.
    pub fn next_submission(&self, how: Submission) {
        self.lock().next = how;
    }

    /// From now on requests for one draft are answered so; the number is that of requests for the same person before.
    pub fn draft_by(&self, model: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) {
        self.lock().model = Arc::new(model);
    }

    /// From now on batches end as soon as somebody looks, as the rule says.
    pub fn end_by(&self, rule: impl Fn(&Asked) -> End + Send + Sync + 'static) {
        self.lock().ends = Some(Arc::new(rule));
    }

    /// All batches that are under way end now, each request as this says of its `custom_id`.
    pub fn end_now(&self, how: impl Fn(&str) -> End) {
        let now = (self.clock)();
        for job in &mut self.lock().jobs {
            job.end(now, |id, _| how(id));
        }
    }

    /// All batches, the oldest first.
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        self.lock().jobs.clone()
    }

    /// How many batches there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Requests for one draft so far, with what each was billed in picodollars.
    #[must_use]
    pub fn drafts(&self) -> Vec<(Asked, u64)> {
        self.lock().drafts.clone()
    }

    /// All that was billed, in picodollars: every draft, and every result of a batch that ended.
    #[must_use]
    pub fn billed(&self) -> u64 {
        let state = self.lock();
        let drafts: u64 = state.drafts.iter().map(|(_, cost)| cost).sum();
        let results = state.jobs.iter().flat_map(Job::results);
        let results = results.map(|(_, result)| billed(&result["message"], true));
        drafts + results.sum::<u64>()
    }

    /// What was wrong with requests.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.lock().problems.clone()
    }

    /// What is answered to this request.
    pub fn answer(&self, request: &Request) -> Answer {
        let problems = rules::problems(request);
        let mut state = self.lock();
        if !problems.is_empty() {
            state.problems.extend(problems);
            return error(400, "invalid_request_error");
        }
        let path = request.path().trim_start_matches("/v1/messages");
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let number = |id: &str| id.strip_prefix("msgbatch_")?.parse::<usize>().ok();
        let known = parts
            .get(1)
            .map(|id| number(id).filter(|n| *n < state.jobs.len()));
        if let Some(rule) = state.ends.clone() {
            let now = (self.clock)();
            state.jobs.iter_mut().for_each(|job| {
                job.end(now, |_, asked| rule(asked));
            });
        }
        match (request.method.as_str(), parts.as_slice(), known) {
            ("POST", [], _) => draft(&mut state, &request.json()),
            ("POST", ["count_tokens"], _) => Answer::json(200, &json!({"input_tokens": 412})),
            ("POST", ["batches"], _) => self.submit(&mut state, &request.json()),
            ("GET", ["batches"], _) => list(&state.jobs, &request.target),
            (_, _, Some(Some(at))) => match parts.get(2).copied() {
                Some("results") if state.jobs[at].ends.is_some() => {
                    Answer::Full(200, Vec::new(), state.jobs[at].lines().into_bytes())
                }
                Some("results") => error(404, "not_found_error"),
                // What is answered for a batch that ended is not documented. This is the worst that it can be.
                Some("cancel") if state.jobs[at].ends.is_some() => {
                    error(400, "invalid_request_error")
                }
                Some("cancel") => {
                    state.jobs[at].cancelling = true;
                    Answer::json(200, &state.jobs[at].json(at))
                }
                _ => Answer::json(200, &state.jobs[at].json(at)),
            },
            _ => error(404, "not_found_error"),
        }
    }

    fn submit(&self, state: &mut State, body: &Value) -> Answer {
        let how = std::mem::take(&mut state.next);
        match how {
            Submission::Limited => {
                return error(429, "rate_limit_error").with("retry-after", "7");
            }
            Submission::RequestLost => return Answer::Reset,
            Submission::Taken | Submission::AnswerLost => {}
        }
        let job = Job::new(body, (self.clock)());
        let made = job.json(state.jobs.len());
        state.jobs.push(job);
        if how == Submission::AnswerLost {
            return Answer::Cut(200, made.to_string().into_bytes(), 20);
        }
        Answer::json(200, &made)
    }
}

fn draft(state: &mut State, params: &Value) -> Answer {
    let asked = Asked::of(params);
    let before = state.drafts.iter();
    let before = before.filter(|(known, _)| known.name() == asked.name());
    let answer = (state.model)(&asked, before.count());
    // A text is billed whether it arrives or not.
    let cost = answer.body().map_or(0, |body| billed(&body, false));
    state.drafts.push((asked, cost));
    answer
}

/// The newest first.
fn list(jobs: &[Job], target: &str) -> Answer {
    let after = target.split_once("after_id=msgbatch_").map(|(_, id)| id);
    let end = after.map_or(jobs.len(), |id| id.parse().expect("number"));
    let all = jobs.iter().enumerate().take(end).rev();
    let data: Vec<Value> = all.take(PAGE).map(|(at, job)| job.json(at)).collect();
    let id = |batch: Option<&Value>| batch.map(|batch| batch["id"].clone());
    Answer::json(
        200,
        &json!({
            "data": data, "has_more": end > PAGE,
            "first_id": id(data.first()), "last_id": id(data.last()),
        }),
    )
}
