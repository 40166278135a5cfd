//! Values of the guest, as the glue of the component makes them: what [`lower`](super::lower) says of the spelling, read into
//! the contract's types by their own serde.
use js_sys::{Array, BigUint64Array, Reflect, Uint8Array};
use serde::{
    de::{
        self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor,
    },
    forward_to_deserialize_any,
};
use std::{cell::RefCell, collections::HashMap, fmt};
use wasm_bindgen::{JsCast, JsValue};

/// The value, or what is not as it has to be.
pub(super) fn lift<T: DeserializeOwned>(value: JsValue) -> Result<T, Unlike> {
    T::deserialize(Value(value))
}

/// A value is not of its type.
#[derive(Debug)]
pub(super) struct Unlike(String);

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unlike {}

impl de::Error for Unlike {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self(what.to_string())
    }
}

thread_local! {
    /// Names of fields as the glue has them, made once.
    static KEYS: RefCell<HashMap<&'static str, JsValue>> = RefCell::default();
}

/// `metadata-entries` → `metadataEntries`.
fn key(name: &'static str) -> JsValue {
    KEYS.with_borrow_mut(|keys| keys.entry(name).or_insert_with(|| JsValue::from_str(&camel(name))).clone())
}

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut camel, part| {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
        camel
    })
}

struct Value(JsValue);

impl Value {
    fn unlike(&self, wanted: &str) -> Unlike {
        Unlike(format!("{:?} is no {wanted}", self.0))
    }

    fn number(&self) -> Result<f64, Unlike> {
        self.0.as_f64().ok_or_else(|| self.unlike("number"))
    }

    fn text(&self) -> Result<String, Unlike> {
        self.0.as_string().ok_or_else(|| self.unlike("text"))
    }

    fn field(&self, name: &str) -> Result<JsValue, Unlike> {
        Reflect::get(&self.0, &JsValue::from_str(name)).map_err(|_| self.unlike("record"))
    }
}

impl<'de> de::Deserializer<'de> for Value {
    type Error = Unlike;

    /// Every type of the contract says what it wants.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unlike> {
        Err(self.unlike("value of the contract"))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_bool(self.0.as_bool().ok_or_else(|| self.unlike("bool"))?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_u32(self.number()? as u32)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_i32(self.number()? as i32)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_u64(u64::try_from(self.0).map_err(|value| Self(value).unlike("number of 64 bits"))?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_i64(i64::try_from(self.0).map_err(|value| Self(value).unlike("number of 64 bits"))?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        if self.0.is_undefined() || self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        if let Some(numbers) = self.0.dyn_ref::<BigUint64Array>() {
            return visitor.visit_seq(de::value::SeqDeserializer::new(numbers.to_vec().into_iter()));
        }
        if let Some(bytes) = self.0.dyn_ref::<Uint8Array>() {
            return visitor.visit_seq(de::value::SeqDeserializer::new(bytes.to_vec().into_iter()));
        }
        let items = if Array::is_array(&self.0) { self.0.unchecked_into() } else { Array::from(&self.0) };
        visitor.visit_seq(Items { len: items.length(), items, next: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unlike> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unlike> {
        visitor.visit_map(Fields { record: self.0, fields: fields.iter(), value: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unlike> {
        if let Some(name) = self.0.as_string() {
            return visitor.visit_enum(Case { name, value: JsValue::UNDEFINED });
        }
        let name = Self(self.field("tag")?).text()?;
        visitor.visit_enum(Case { name, value: self.field("val")? })
    }

    forward_to_deserialize_any! { i8 i16 i128 u8 u16 u128 f32 char bytes byte_buf unit_struct tuple_struct map ignored_any }
}

struct Items {
    items: Array,
    next: u32,
    len: u32,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Unlike;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unlike> {
        if self.next == self.len {
            return Ok(None);
        }
        self.next += 1;
        seed.deserialize(Value(self.items.get(self.next - 1))).map(Some)
    }
}

struct Fields {
    record: JsValue,
    fields: std::slice::Iter<'static, &'static str>,
    value: Option<JsValue>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Unlike;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unlike> {
        for name in self.fields.by_ref() {
            let value =
                Reflect::get(&self.record, &key(name)).map_err(|_| Value(self.record.clone()).unlike("record"))?;
            // What is not there is an option without a value.
            if !value.is_undefined() {
                self.value = Some(value);
                return seed.deserialize((*name).into_deserializer()).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unlike> {
        seed.deserialize(Value(self.value.take().unwrap_or_default()))
    }
}

struct Case {
    name: String,
    value: JsValue,
}

impl<'de> EnumAccess<'de> for Case {
    type Error = Unlike;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unlike> {
        let name: de::value::StrDeserializer<'_, Unlike> = self.name.as_str().into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Case {
    type Error = Unlike;

    fn unit_variant(self) -> Result<(), Unlike> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unlike> {
        seed.deserialize(Value(self.value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unlike> {
        de::Deserializer::deserialize_seq(Value(self.value), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_map(Fields { record: self.value, fields: fields.iter(), value: None })
    }
}

#[cfg(test)]
mod tests {
    use super::camel;

    #[test]
    fn names_are_spelled_as_the_glue_spells_them() {
        for (contract, glue) in [("name", "name"), ("slots-peak", "slotsPeak"), ("a-b-c", "aBC")] {
            assert_eq!(camel(contract), glue);
        }
    }
}
