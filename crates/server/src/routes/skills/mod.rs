//! Skills as administrators keep them: an organization's own under `/v1/admin/skills`, the platform's
//! under `/v1/platform/skills`. One behaviour; `organization` and `platform` say who does it.

mod archive;
mod by;
mod check;
pub mod compiled;
mod export;
mod import;
pub mod listed;
pub mod organization;
pub mod platform;
mod sent;
mod work;

use domain::skill::{SkillDocument, SkillHead, Source};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use check::Remark;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListSkills {
    category: Option<String>,
    priority: Option<String>,
    tag: Option<String>,
    source: Option<Source>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListVersions {
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Named {
    /// The skill's key, where the body is Markdown.
    key: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Together {
    /// Writes all of the skills or, if one is refused, none.
    #[serde(default)]
    all_or_nothing: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The version whose content becomes the newest one.
    version: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The version that is used whatever newer ones there are; null takes the pin away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    version: Option<i64>,
}

/// A skill with its newest document.
#[derive(Serialize, ToSchema)]
pub struct Skill {
    #[serde(flatten)]
    head: SkillHead,
    #[serde(flatten)]
    content: SkillDocument,
}

/// A skill as it stands after a change.
#[derive(Serialize, ToSchema)]
pub struct ChangedSkill {
    #[serde(flatten)]
    head: SkillHead,
    /// What is unusual in its document, as far as that was read for this answer.
    warnings: Vec<Remark>,
}

/// An earlier version.
#[derive(Serialize, ToSchema)]
pub struct SkillAt {
    key: String,
    version: i64,
    #[serde(flatten)]
    content: SkillDocument,
}
