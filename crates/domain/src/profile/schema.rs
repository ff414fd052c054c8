//! The table of keys as JSON Schema, for the OpenAPI document.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type,
        schema::{AdditionalProperties, SchemaType},
    },
};

use super::{
    Profile, ProfileDocument,
    table::{FIELDS, Field, Shape},
};

impl PartialSchema for Profile {
    fn schema() -> RefOr<Schema> {
        closed(FIELDS).build().into()
    }
}

impl ToSchema for Profile {
    fn name() -> Cow<'static, str> {
        "Profile".into()
    }
}

impl PartialSchema for ProfileDocument {
    fn schema() -> RefOr<Schema> {
        closed(FIELDS)
            .property("version", i64::schema())
            .property(
                "updated_at",
                text_or_null().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
            )
            .property("updated_by", text_or_null())
            .required("version")
            .required("updated_at")
            .required("updated_by")
            .build()
            .into()
    }
}

impl ToSchema for ProfileDocument {
    fn name() -> Cow<'static, str> {
        "ProfileDocument".into()
    }
}

fn text_or_null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
}

/// An object of these members and no others.
fn closed(fields: &[Field]) -> ObjectBuilder {
    let object = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
    fields.iter().fold(object, |object, field| {
        let about = Some(field.about).filter(|about| !about.is_empty());
        let object = object.property(field.name, of(field.shape, about));
        if field.required { object.required(field.name) } else { object }
    })
}

fn of(shape: Shape, about: Option<&str>) -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String).description(about);
    let object = match shape {
        Shape::Text(most) => text().min_length(Some(1)).max_length(Some(most)),
        Shape::Url => text().pattern(Some("^https?://[^\\s]+$")).max_length(Some(2_000)),
        Shape::Currency => text().pattern(Some("^[A-Z]{3}$")),
        Shape::Language => text().pattern(Some("^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")).max_length(Some(35)),
        Shape::Timezone => text().min_length(Some(1)),
        Shape::Record(fields) => closed(fields).description(about),
        Shape::Free => ObjectBuilder::new()
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(about),
        Shape::List(item, most) => {
            let list = ArrayBuilder::new().items(of(*item, None)).max_items(Some(most)).description(about);
            return list.build().into();
        }
    };
    object.build().into()
}
