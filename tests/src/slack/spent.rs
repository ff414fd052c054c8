//! Nothing is left of a budget.

use serde_json::json;

use super::Desk;
use crate::{
    harness::look::prompts,
    usage::{limit, priced},
};

#[tokio::test]
async fn whoever_asks_in_slack_is_told_that_nothing_is_left() {
    let desk = Desk::opened(priced()).await;
    limit(&desk.app.alice(), json!({"org": {"monthly_usd": 0}})).await;
    desk.say("tell me").await;
    desk.hears("the organization's monthly budget").await;
    desk.settled().await;
    assert_eq!(prompts(&desk.app.sim).len(), 0);
}
