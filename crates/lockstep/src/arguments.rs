//! The command line as `clap` reads it. The texts are its manual.

mod lint;
mod matrix;
mod policy;
mod policy_import;
mod roles;
mod scan;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use suite::plan::Shard;

use crate::terminal::Colour;

pub(crate) use lint::Lint;
pub(crate) use matrix::Matrix;
pub(crate) use policy::{FailOn, PolicyDiff, PolicyMutate};
pub(crate) use policy_import::{From, PolicyImport};
pub(crate) use roles::{Roles, RolesCommand, RolesDiff};
pub(crate) use scan::{Scan, ScanFormat};

/// Keeps the permissions that a team intended and the permissions that its running system really
/// enforces in lockstep.
#[derive(Debug, Parser)]
#[command(
    name = "lockstep",
    version,
    after_help = "Exit codes: 0 everything held; 1 at least one finding, or a grant that is not in the baseline; 2 a mistake in the files, nothing was sent; 3 no finding, but something is inconclusive; 70 Lockstep's own fault; 130 interrupted.\n\nBegin with `lockstep demo`."
)]
pub(crate) struct Arguments {
    /// When to use colour; `auto` honours NO_COLOR.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(crate) color: Colour,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tests a sample system with planted faults, live: no setup, no network.
    Demo(Demo),
    /// Writes a first suite and policy, from the OpenAPI documents of a system or without.
    Init(Init),
    /// Shows what would be tried and what is expected of it; sends nothing.
    Plan(Plan),
    /// Tries every cell of a suite (or those that a pattern names) on the running system.
    Test(Test),
    /// Tries one cell again and shows every request and answer.
    Repeat(Repeat),
    /// Puts back what interrupted runs have left behind.
    Cleanup(Cleanup),
    /// Accepts what a run was seen to allow: from then on, a new grant fails the run.
    Baseline(Baseline),
    /// Shows and compares the runs that are recorded under `.lockstep/`.
    Runs(Runs),
    /// Makes one report of those of several machines.
    Report(ReportArguments),
    /// Prints a live credential of an actor, for use in other tools.
    Token(Token),
    /// Prints a workflow that runs the suite in CI and keeps its reports.
    Ci(Ci),
    /// Tests policies by themselves, without a running system.
    Policy(Policy),
    /// Looks for what is likely to go wrong with a policy.
    Lint(Lint),
    /// Holds what each role may do to each type against a file that people review.
    Matrix(Matrix),
    /// Asks the policy whether a subject may do something, and why.
    Check(Box<Check>),
    /// Finds what is wrong with the permissions of a PostgreSQL database; changes nothing.
    Scan(Scan),
    /// Compares the roles that an application keeps in tables with the policy.
    Roles(Roles),
    /// Prints the JSON Schema of a file format, for editors and other tools.
    Schema(Schema),
    /// Prints the completion script of a shell.
    Completions(Completions),
}

/// Which suite.
#[derive(Debug, Args)]
pub(crate) struct SuiteFile {
    /// The suite file.
    #[arg(
        long,
        short,
        default_value = "lockstep.yaml",
        value_name = "FILE",
        env = "LOCKSTEP_SUITE"
    )]
    pub(crate) suite: PathBuf,
    /// One of the `environments` of the suite.
    #[arg(long, value_name = "NAME", env = "LOCKSTEP_ENV")]
    pub(crate) env: Option<String>,
}

impl SuiteFile {
    /// The environment that is chosen. An empty variable, as CI likes to set them, chooses none.
    pub(crate) fn environment(&self) -> Option<&str> {
        self.env.as_deref().filter(|name| !name.is_empty())
    }
}

/// How requests are sent.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sending {
    /// How many cells are tried at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "CELLS")]
    pub(crate) concurrency: u16,
    /// The most requests in one second to each target; over what the suite says.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "REQUESTS")]
    pub(crate) rate: Option<u32>,
    /// The longest time for one request with its answer: `10s`, `500ms`.
    #[arg(long, default_value = "10s", value_parser = parse_duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
    /// The largest answer that is read, in KiB, after decompression.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536), value_name = "KIB")]
    pub(crate) body_limit: u32,
}

/// What is told, and where to.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reporting {
    /// Writes another report: `json=FILE`, `junit=FILE`, `sarif=FILE` or `md=FILE` (Markdown, for a
    /// pull request); `-` is standard output, which then holds nothing else. May be given several
    /// times.
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    pub(crate) reports: Vec<ReportTo>,
    /// Tells every cell, not only those that did not hold.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// `lockstep test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Which cells: names in which `*` stands for any text, such as 'viewer/post.*'. Their
    /// controls are tried too.
    #[arg(value_name = "CELL")]
    pub(crate) cells: Vec<String>,
    /// Only one part of several, such as `2/8`: for machines that share a run. A cell's part
    /// depends on its name alone; a denial's control is in its part too.
    #[arg(long, value_name = "PART")]
    pub(crate) shard: Option<Shard>,
    /// Which suite.
    #[command(flatten)]
    pub(crate) suite: SuiteFile,
    /// How requests are sent.
    #[command(flatten)]
    pub(crate) sending: Sending,
    /// What is told.
    #[command(flatten)]
    pub(crate) reporting: Reporting,
    /// Keeps no record of the run under `.lockstep/`; what has to be put back stands there in a journal
    /// all the same.
    #[arg(long)]
    pub(crate) no_record: bool,
    /// Sends no call that changes something, but for those that open a session. What cannot be
    /// tried so is told as not applicable.
    #[arg(long)]
    pub(crate) read_only: bool,
}

/// `lockstep runs`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every `lockstep test` is recorded; the last 50 runs of each suite in each environment are kept, and the last 50 of a part of it."
)]
pub(crate) struct Runs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: RunsCommand,
}

/// What to do with recorded runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Lists the runs, the newest first.
    List(RunsList),
    /// Tells a run again, in every form of report.
    Show(RunsShow),
    /// Says what changed between two runs, or where two environments differ.
    Compare(RunsCompare),
}

/// `lockstep runs list`.
#[derive(Debug, Args)]
pub(crate) struct RunsList {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `lockstep runs show`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0, however the run ended.")]
pub(crate) struct RunsShow {
    /// The run, or the beginning of its name; without, the newest.
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// What is told.
    #[command(flatten)]
    pub(crate) reporting: Reporting,
}

/// `lockstep runs compare`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: of two runs 0, whatever changed; of two environments 0 where they agree, 1 where they differ (one allows what the other denies, or a finding is in one only), 3 where that is not established for every cell."
)]
pub(crate) struct RunsCompare {
    /// The runs, the earlier first; without a second, the newest like it; without any, the newest
    /// and the one before it of the same suite, environment and choice of cells.
    #[arg(value_name = "RUN", num_args = 0..=2, conflicts_with = "env")]
    pub(crate) runs: Vec<String>,
    /// Compares the newest runs of two environments.
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub(crate) env: Vec<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `lockstep report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ReportCommand,
}

/// What to do with reports.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Makes one report of those of all parts of a run (`lockstep test --shard 2/8`), and ends with
    /// the exit code that the whole run would have had.
    Merge(ReportMerge),
}

/// `lockstep report merge`.
#[derive(Debug, Args)]
pub(crate) struct ReportMerge {
    /// The JSON reports of the parts (`--report json=FILE`), or their records under
    /// `.lockstep/runs/`.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What is told.
    #[command(flatten)]
    pub(crate) reporting: Reporting,
}

/// `lockstep policy`.
#[derive(Debug, Args)]
pub(crate) struct Policy {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Runs the tests of policies: our own (`*.test.yaml`), OpenFGA's store files (`*.fga.yaml`)
    /// and SpiceDB's validation files.
    Test(PolicyTest),
    /// Shows what a change of a policy changes in effect: who may now do what, and who may no longer.
    Diff(PolicyDiff),
    /// Makes one mistake after the other in a policy, and tells which of them no test and no cell of
    /// the suite would notice.
    Mutate(PolicyMutate),
    /// Reads a policy of Casbin, OpenFGA or SpiceDB into ours, and tells what does not map.
    Import(PolicyImport),
}

/// `lockstep policy test`.
#[derive(Debug, Args)]
pub(crate) struct PolicyTest {
    /// The files, or folders: all `*.test.yaml` and `*.fga.yaml` in them and in their folders.
    /// Without any, those here, under `policy/` and in the folder of the suite's policy.
    #[arg(value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    /// Writes a report as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Tells which parts of the policies no test exercises, too; as `json`, that alone goes to
    /// standard output.
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text"
    )]
    pub(crate) coverage: Option<CoverageForm>,
    /// Exits with 1 if the tests exercise less than so many percent of the parts.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) min_coverage: Option<u8>,
}

/// How coverage is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CoverageForm {
    /// A summary, and a line for each part that no test exercises.
    Text,
    /// All parts, for programs.
    Json,
    /// The files of the policies, each line marked.
    Source,
}

/// `lockstep init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// An OpenAPI document (3.0 or 3.1, YAML or JSON): a file, or an address from which it is
    /// fetched. May be given several times, once for each service.
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) openapi: Vec<String>,
    /// Replaces files that are there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Where to.
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
}

/// `lockstep check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 allowed; 1 denied; 2 a mistake in the files or on the command line; 3 it cannot be said, or depends on the resource.\n\nExamples: lockstep check user:bob read document:plan --tenant acme --explain\n          lockstep check user:bob read document:?"
)]
pub(crate) struct Check {
    /// Who asks, such as user:bob; `nobody` is a visitor without a session.
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// What to do, an action of the resource's type.
    #[arg(value_name = "ACTION")]
    pub(crate) action: String,
    /// To what, such as document:plan; a type alone is the collection, and document:? any document:
    /// which ones, is the answer.
    #[arg(value_name = "RESOURCE")]
    pub(crate) resource: String,
    /// The tenant in which the subject acts. By default the only one in which it has a role.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Attributes of the resource, over those of the facts.
    #[arg(long, value_name = "JSON", value_parser = parse_object)]
    pub(crate) attributes: Option<Object>,
    /// Values for the conditions of relationships.
    #[arg(long, value_name = "JSON", value_parser = parse_object)]
    pub(crate) context: Option<Object>,
    /// The scopes of the credential; without any, it has no such limit.
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    pub(crate) scopes: Option<Vec<String>>,
    /// The claims of the credential.
    #[arg(long, value_name = "JSON", value_parser = parse_object)]
    pub(crate) claims: Option<Object>,
    /// When, such as 2027-01-01T08:00:00Z; by default now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<jiff::Timestamp>,
    /// Tells what every part of the policy says, the way along relationships that grants, or the
    /// fewest facts that are missing: roles, relationships, shares, values of attributes.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Explains with every independent path of a permit, and with everything that would turn a
    /// denial and is as small.
    #[arg(long)]
    pub(crate) all: bool,
    /// Prints JSON, with the explanation.
    #[arg(long)]
    pub(crate) json: bool,
    /// Prints the explanation as a graph, for Graphviz or Mermaid.
    #[arg(long, value_enum, value_name = "LANGUAGE", conflicts_with_all = ["json", "explain"])]
    pub(crate) draw: Option<Draw>,
    /// The policy, a file or a folder; by default `policy/`, or else `policy.yaml`.
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
    /// A file of facts; by default the `facts.yaml` beside the policy. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Vec<PathBuf>,
}

/// A language of graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Draw {
    /// Graphviz.
    Dot,
    /// Mermaid, which code hosts show.
    Mermaid,
}

/// A JSON object.
pub(crate) type Object = serde_json::Map<String, serde_json::Value>;

fn parse_object(text: &str) -> Result<Object, String> {
    serde_json::from_str(text).map_err(|error| format!("expected a JSON object: {error}"))
}

/// `lockstep plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Which cells: names in which `*` stands for any text.
    #[arg(value_name = "CELL")]
    pub(crate) cells: Vec<String>,
    /// Only one part of several, such as `2/8`: for machines that share a run. A cell's part
    /// depends on its name alone; a denial's control is in its part too.
    #[arg(long, value_name = "PART")]
    pub(crate) shard: Option<Shard>,
    /// Which suite.
    #[command(flatten)]
    pub(crate) suite: SuiteFile,
    /// Sends no call that changes something, but for those that open a session. What cannot be
    /// tried so is told as not applicable.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Shows for each cell why, its control and its fixture.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// `lockstep repeat`.
#[derive(Debug, Args)]
pub(crate) struct Repeat {
    /// The cell, such as viewer/post.update/editor.
    #[arg(value_name = "CELL")]
    pub(crate) cell: String,
    /// Which suite.
    #[command(flatten)]
    pub(crate) suite: SuiteFile,
    /// How requests are sent.
    #[command(flatten)]
    pub(crate) sending: Sending,
}

/// `lockstep cleanup`.
#[derive(Debug, Args)]
pub(crate) struct Cleanup {
    /// Which suite.
    #[command(flatten)]
    pub(crate) suite: SuiteFile,
    /// How requests are sent.
    #[command(flatten)]
    pub(crate) sending: Sending,
}

/// `lockstep baseline`.
#[derive(Debug, Args)]
pub(crate) struct Baseline {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: BaselineCommand,
}

/// What to do with the baseline.
#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Writes what the latest run was seen to allow into the baseline, beside the suite.
    ///
    /// The baseline of `lockstep.yaml` is `lockstep.baseline`: one grant a line, sorted, such as
    /// `allow viewer/post.read/editor`. While it is there, `lockstep test` fails (exit code 1)
    /// when the system grants anything else. A grant that is gone, because the system denies it
    /// or the suite has no such cell, is told and fails nothing.
    ///
    /// A run with findings (exit code 1), with inconclusive cells, of a part of the suite or
    /// without its end (exit code 3) is not accepted, unless as a part. Of a run in an environment
    /// (`--env`), grants of cells that it does not have stay.
    Accept(Accept),
    /// Shows what the latest run grants beyond the baseline, and the other way round.
    ///
    /// Exit code 1 if there is a grant outside of the baseline; 3 if there is none, but the run
    /// could not establish everything.
    Diff(Diff),
}

/// `lockstep baseline accept`.
#[derive(Debug, Args)]
pub(crate) struct Accept {
    /// Takes the run for a part: only cells of which it could say what the system does are
    /// accepted, or taken out; all others stay. What the system allows against the policy is
    /// accepted too, and named.
    #[arg(long)]
    pub(crate) partial: bool,
    /// Which suite.
    #[command(flatten)]
    pub(crate) suite: SuiteFile,
}

/// `lockstep baseline diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Which suite.
    #[command(flatten)]
    pub(crate) suite: SuiteFile,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `lockstep token`.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The actor.
    #[arg(value_name = "ACTOR")]
    pub(crate) actor: String,
    /// Which suite.
    #[command(flatten)]
    pub(crate) suite: SuiteFile,
    /// How requests are sent.
    #[command(flatten)]
    pub(crate) sending: Sending,
}

/// `lockstep demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Plants no fault: everything holds.
    #[arg(long, conflicts_with = "faults")]
    pub(crate) fixed: bool,
    /// Plants only this fault. May be given several times; `--list` names them.
    #[arg(long = "fault", value_name = "NAME", value_parser = fault_names())]
    pub(crate) faults: Vec<String>,
    /// Lists the faults and ends.
    #[arg(long)]
    pub(crate) list: bool,
    /// Leaves the system running after the test, until Ctrl-C, and says how to call it.
    #[arg(long)]
    pub(crate) serve: bool,
    /// Writes the demo's suite and policy into this folder and ends, as a beginning for your own.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["fixed", "faults", "serve", "list"])]
    pub(crate) write: Option<PathBuf>,
    /// Never opens a browser.
    #[arg(long)]
    pub(crate) no_open: bool,
    /// How requests are sent.
    #[command(flatten)]
    pub(crate) sending: Sending,
    /// What is told.
    #[command(flatten)]
    pub(crate) reporting: Reporting,
}

fn fault_names() -> clap::builder::PossibleValuesParser {
    let faults = demo::Fault::ALL.iter();
    faults
        .map(|fault| clap::builder::PossibleValue::new(fault.name()).help(fault.summary()))
        .collect::<Vec<_>>()
        .into()
}

/// `lockstep ci`.
#[derive(Debug, Args)]
pub(crate) struct Ci {
    /// Of which service.
    #[arg(value_enum)]
    pub(crate) service: Service,
    /// Writes it to where the service looks for it, if nothing is there.
    #[arg(long)]
    pub(crate) write: bool,
}

/// A service that runs workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// GitHub Actions: .github/workflows/lockstep.yml.
    Github,
    /// GitLab CI/CD: a job for .gitlab-ci.yml.
    Gitlab,
}

/// `lockstep schema`.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of which format.
    #[arg(value_enum)]
    pub(crate) format: Format,
}

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The suite file, lockstep.yaml.
    Suite,
    /// The policy file, policy.yaml.
    Policy,
    /// What `--report json=FILE` writes.
    Report,
    /// What `lockstep plan --json` prints.
    Plan,
    /// What `lockstep baseline diff --json` prints.
    Drift,
    /// What `lockstep check --json` prints.
    Check,
    /// What `lockstep scan --format json` prints.
    Scan,
    /// What `lockstep roles diff --json` prints.
    Roles,
}

/// `lockstep completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Of which shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// A report, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportTo {
    /// Its form.
    pub(crate) form: ReportForm,
    /// The file; `None` for standard output.
    pub(crate) file: Option<PathBuf>,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportForm {
    /// One JSON document with everything.
    Json,
    /// JUnit XML.
    Junit,
    /// SARIF 2.1.0.
    Sarif,
    /// Markdown.
    Markdown,
}

impl ReportForm {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "junit" => Some(Self::Junit),
            "sarif" => Some(Self::Sarif),
            "md" => Some(Self::Markdown),
            _ => None,
        }
    }
}

impl FromStr for ReportTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected `json`, `junit`, `sarif` or `md`, then `=` and a file or `-`";
        let (name, file) = text.split_once('=').ok_or(expected)?;
        let unknown = || format!("unknown format `{name}`; {expected}");
        let form = ReportForm::from_name(name).ok_or_else(unknown)?;
        match file {
            "" => Err(format!("a file is missing behind `{name}=`")),
            "-" => Ok(Self { form, file: None }),
            file => Ok(Self {
                form,
                file: Some(file.into()),
            }),
        }
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as `10s` or `500ms`".to_owned();
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(expected)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(expected)?;
    let number: u64 = number.parse().map_err(|_| expected())?;
    let time = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.saturating_mul(60)),
        _ => return Err(expected()),
    };
    if time.is_zero() || time > Duration::from_secs(3_600) {
        return Err("expected a time from 1ms to 60m".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_have_a_form_and_a_place() {
        let cases = [
            ("json=a.json", ReportForm::Json, Some("a.json")),
            ("junit=a/b.xml", ReportForm::Junit, Some("a/b.xml")),
            ("sarif=-", ReportForm::Sarif, None),
            ("md=a=b.md", ReportForm::Markdown, Some("a=b.md")),
        ];
        for (text, form, file) in cases {
            let file = file.map(PathBuf::from);
            assert_eq!(text.parse(), Ok(ReportTo { form, file }), "{text}");
        }
    }

    #[test]
    fn what_is_no_report_is_told_what_would_be() {
        let cases = [
            ("md=", "a file is missing behind `md=`"),
            (
                "html=a.html",
                "unknown format `html`; expected `json`, `junit`, `sarif` or `md`, then `=` and a file or `-`",
            ),
            (
                "report.xml",
                "expected `json`, `junit`, `sarif` or `md`, then `=` and a file or `-`",
            ),
        ];
        for (text, expected) in cases {
            let told = text.parse::<ReportTo>();
            assert_eq!(told, Err(expected.to_owned()), "{text}");
        }
    }
}
