//! The functions of conditions: names, types, and which code evaluates them. The standard ones
//! are those of the CEL language definition, section "List of Standard Definitions"; `within` is
//! ours, `ipaddress`, `in_cidr` and `isSubtreeOf` are OpenFGA's and SpiceDB's.

use super::types::Type;

/// What a call evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    ToInt,
    ToUint,
    ToDouble,
    ToString,
    ToBool,
    ToTimestamp,
    ToDuration,
    ToDyn,
    /// A part of a timestamp, on the clock of UTC or of a zone, or of a duration.
    Part(Part),
    Within,
    ToAddress,
    InCidr,
    IsSubtreeOf,
}

/// A part of a timestamp or duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// Whether the first parameter stands before the dot.
    pub(super) is_method: bool,
    pub(super) parameters: &'static [Parameter],
    pub(super) result: Parameter,
    pub(super) function: Function,
}

/// The type of a parameter or result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Any,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Timestamp,
    Duration,
    List,
    Map,
    Address,
}

impl Parameter {
    pub(super) fn to_type(self) -> Type {
        let dynamic = || Box::new(Type::Dyn);
        match self {
            Self::Any => Type::Dyn,
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Uint => Type::Uint,
            Self::Double => Type::Double,
            Self::String => Type::String,
            Self::Timestamp => Type::Timestamp,
            Self::Duration => Type::Duration,
            Self::List => Type::List(dynamic()),
            Self::Map => Type::Map(dynamic(), dynamic()),
            Self::Address => Type::Address,
        }
    }
}

impl Signature {
    /// The call as a user would write it: `string.contains(string)`.
    pub(super) fn shape(&self) -> String {
        let names = self.parameters.iter().map(|it| match it {
            Parameter::List => "list".to_owned(),
            Parameter::Map => "map".to_owned(),
            other => other.to_type().to_string(),
        });
        let names: Vec<String> = names.collect();
        match names.split_first() {
            Some((first, rest)) if self.is_method => {
                format!("{first}.{}({})", self.name, rest.join(", "))
            }
            _ => format!("{}({})", self.name, names.join(", ")),
        }
    }
}

use Function as F;
use Parameter as P;

const fn function(
    name: &'static str,
    parameters: &'static [Parameter],
    result: Parameter,
    function: Function,
) -> Signature {
    Signature {
        name,
        is_method: false,
        parameters,
        result,
        function,
    }
}

const fn method(
    name: &'static str,
    parameters: &'static [Parameter],
    result: Parameter,
    function: Function,
) -> Signature {
    Signature {
        name,
        is_method: true,
        parameters,
        result,
        function,
    }
}

/// A part of a timestamp, in UTC and in a zone.
const fn part(name: &'static str, of: Part) -> [Signature; 2] {
    [
        method(name, &[P::Timestamp], P::Int, F::Part(of)),
        method(name, &[P::Timestamp, P::String], P::Int, F::Part(of)),
    ]
}

static PLAIN: &[Signature] = &[
    function("size", &[P::String], P::Int, F::Size),
    function("size", &[P::List], P::Int, F::Size),
    function("size", &[P::Map], P::Int, F::Size),
    method("size", &[P::String], P::Int, F::Size),
    method("size", &[P::List], P::Int, F::Size),
    method("size", &[P::Map], P::Int, F::Size),
    method("contains", &[P::String, P::String], P::Bool, F::Contains),
    method(
        "startsWith",
        &[P::String, P::String],
        P::Bool,
        F::StartsWith,
    ),
    method("endsWith", &[P::String, P::String], P::Bool, F::EndsWith),
    method("matches", &[P::String, P::String], P::Bool, F::Matches),
    function("matches", &[P::String, P::String], P::Bool, F::Matches),
    function("int", &[P::Int], P::Int, F::ToInt),
    function("int", &[P::Uint], P::Int, F::ToInt),
    function("int", &[P::Double], P::Int, F::ToInt),
    function("int", &[P::String], P::Int, F::ToInt),
    function("int", &[P::Timestamp], P::Int, F::ToInt),
    function("uint", &[P::Uint], P::Uint, F::ToUint),
    function("uint", &[P::Int], P::Uint, F::ToUint),
    function("uint", &[P::Double], P::Uint, F::ToUint),
    function("uint", &[P::String], P::Uint, F::ToUint),
    function("double", &[P::Double], P::Double, F::ToDouble),
    function("double", &[P::Int], P::Double, F::ToDouble),
    function("double", &[P::Uint], P::Double, F::ToDouble),
    function("double", &[P::String], P::Double, F::ToDouble),
    function("string", &[P::String], P::String, F::ToString),
    function("string", &[P::Bool], P::String, F::ToString),
    function("string", &[P::Int], P::String, F::ToString),
    function("string", &[P::Uint], P::String, F::ToString),
    function("string", &[P::Double], P::String, F::ToString),
    function("string", &[P::Timestamp], P::String, F::ToString),
    function("string", &[P::Duration], P::String, F::ToString),
    function("bool", &[P::Bool], P::Bool, F::ToBool),
    function("bool", &[P::String], P::Bool, F::ToBool),
    function("timestamp", &[P::Timestamp], P::Timestamp, F::ToTimestamp),
    function("timestamp", &[P::String], P::Timestamp, F::ToTimestamp),
    function("timestamp", &[P::Int], P::Timestamp, F::ToTimestamp),
    function("duration", &[P::Duration], P::Duration, F::ToDuration),
    function("duration", &[P::String], P::Duration, F::ToDuration),
    function("dyn", &[P::Any], P::Any, F::ToDyn),
    method("getHours", &[P::Duration], P::Int, F::Part(Part::Hours)),
    method("getMinutes", &[P::Duration], P::Int, F::Part(Part::Minutes)),
    method("getSeconds", &[P::Duration], P::Int, F::Part(Part::Seconds)),
    method(
        "getMilliseconds",
        &[P::Duration],
        P::Int,
        F::Part(Part::Milliseconds),
    ),
    function(
        "within",
        &[P::Timestamp, P::String, P::String, P::String],
        P::Bool,
        F::Within,
    ),
    // Extensions that OpenFGA and SpiceDB share, and one of SpiceDB's.
    function("ipaddress", &[P::String], P::Address, F::ToAddress),
    method("in_cidr", &[P::Address, P::String], P::Bool, F::InCidr),
    method("isSubtreeOf", &[P::Map, P::Map], P::Bool, F::IsSubtreeOf),
];

static PARTS: [[Signature; 2]; 10] = [
    part("getFullYear", Part::FullYear),
    part("getMonth", Part::Month),
    part("getDate", Part::Date),
    part("getDayOfMonth", Part::DayOfMonth),
    part("getDayOfWeek", Part::DayOfWeek),
    part("getDayOfYear", Part::DayOfYear),
    part("getHours", Part::Hours),
    part("getMinutes", Part::Minutes),
    part("getSeconds", Part::Seconds),
    part("getMilliseconds", Part::Milliseconds),
];

/// All ways to call all functions.
pub(super) fn signatures() -> impl Iterator<Item = &'static Signature> {
    PLAIN.iter().chain(PARTS.as_flattened())
}
