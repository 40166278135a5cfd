//! `cargo xtask book`: the documents of the repository as a book, and a check of every link between them.
//!
//! The documents are written for whoever reads them in the repository. Here those that `docs/SUMMARY.md` lists become pages
//! in one folder: a link from one to another leads to its page, one to any other file leads to the repository.
use crate::shell::{finish, output, root, say, target};
use crate::{needs, python};
use anyhow::{Context, Result, bail, ensure};
use pulldown_cmark::{Event, Options as Markdown, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitCode};

/// Where a file of the repository is shown.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// Build the documentation as a book, in target/book/html
///
/// Fails where a link leads to no file or no heading.
#[derive(clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_: &Options) -> Result<ExitCode> {
    say(&format!("the book is {}", build()?.join("index.html").display()));
    Ok(ExitCode::SUCCESS)
}

/// Checks the links, writes the pages, and has them made into a book.
pub(crate) fn build() -> Result<PathBuf> {
    let broken = broken(&root(), &documents()?)?;
    ensure!(broken.is_empty(), "links that lead nowhere:\n  {}", broken.join("\n  "));
    let home = target().join("book");
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    write_pages(&root(), &home.join("pages"))?;
    fs::copy(root().join("docs/book.toml"), home.join("book.toml"))?;
    needs::ensure(&[needs::PYTHON])?;
    let mdbook = python::ready()?.with_file_name("mdbook");
    let html = home.join("html");
    finish(Command::new(mdbook).arg("build").arg("--dest-dir").arg(&html).arg(&home))?;
    Ok(html)
}

/// Every Markdown file that git knows, by its path in the repository.
fn documents() -> Result<Vec<PathBuf>> {
    let mut command = Command::new("git");
    command.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]);
    let listed = output(&mut command)?;
    Ok(listed.split('\0').filter(|name| !name.is_empty() && root().join(name).is_file()).map(PathBuf::from).collect())
}

/// A link or a picture of a document.
struct Link {
    to: String,
    /// Where in the text the whole of it stands.
    at: Range<usize>,
}

fn links(text: &str) -> Vec<Link> {
    let events = Parser::new_ext(text, Markdown::ENABLE_TABLES | Markdown::ENABLE_STRIKETHROUGH).into_offset_iter();
    let found = events.filter_map(|(event, at)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(Link { to: dest_url.into_string(), at })
        }
        _ => None,
    });
    found.filter(|link| !link.to.contains("://") && !link.to.starts_with("mailto:")).collect()
}

/// The names by which headings are linked to, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut anchors, mut seen) = (BTreeSet::new(), BTreeMap::<String, usize>::new());
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Markdown::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let kept = heading.take().unwrap_or_default().to_lowercase();
                let kept: String = kept
                    .chars()
                    .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                    .map(|c| if c == ' ' { '-' } else { c })
                    .collect();
                let count = seen.entry(kept.clone()).or_default();
                anchors.insert(if *count == 0 { kept } else { format!("{kept}-{count}") });
                *count += 1;
            }
            _ => {}
        }
    }
    anchors
}

/// The file that a link of a document means, by its path in the repository, and the heading in it.
fn aim(document: &Path, link: &str) -> Result<(PathBuf, Option<String>)> {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    if path.is_empty() {
        return Ok((document.to_owned(), anchor));
    }
    let mut file = document.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => file.push(name),
            Component::CurDir => {}
            Component::ParentDir if file.pop() => {}
            _ => bail!("it leads out of the repository"),
        }
    }
    Ok((file, anchor))
}

/// A sentence for each link that leads nowhere.
fn broken(root: &Path, documents: &[PathBuf]) -> Result<Vec<String>> {
    let mut said = Vec::new();
    for document in documents {
        let text = fs::read_to_string(root.join(document))?;
        for link in links(&text) {
            let line = text.get(..link.at.start).unwrap_or_default().matches('\n').count() + 1;
            let mut say = |why: String| said.push(format!("{}:{line}: {}: {why}", document.display(), link.to));
            match aim(document, &link.to) {
                Err(error) => say(error.to_string()),
                Ok((file, _)) if !root.join(&file).exists() => say("there is no such file".to_owned()),
                Ok((file, Some(anchor))) if file.extension().is_some_and(|end| end == "md") => {
                    if !anchors(&fs::read_to_string(root.join(&file))?).contains(&anchor) {
                        say("there is no such heading".to_owned());
                    }
                }
                Ok(_) => {}
            }
        }
    }
    Ok(said)
}

/// The name of a document's page: its path in one word, and `index.md` for the first of the book.
fn page(document: &Path) -> String {
    match document.to_str() {
        Some("README.md") => "index.md".to_owned(),
        _ => document.to_string_lossy().to_lowercase().replace('/', "-"),
    }
}

fn write_pages(root: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let summary = Path::new("docs/SUMMARY.md");
    let text = fs::read_to_string(root.join(summary))?;
    let listed = links(&text).iter().map(|link| Ok(aim(summary, &link.to)?.0)).collect::<Result<Vec<_>>>()?;
    let pages: BTreeMap<PathBuf, String> = listed.into_iter().map(|file| (file.clone(), page(&file))).collect();
    let distinct: BTreeSet<_> = pages.values().collect();
    ensure!(distinct.len() == pages.len(), "two documents would be one page: {pages:?}");
    fs::write(to.join("SUMMARY.md"), turned(root, summary, &text, &pages, to)?)?;
    for (document, name) in &pages {
        let text = fs::read_to_string(root.join(document))
            .with_context(|| format!("docs/SUMMARY.md lists {}", document.display()))?;
        fs::write(to.join(name), turned(root, document, &text, &pages, to)?)?;
    }
    Ok(())
}

/// A document whose links lead where they do in the book. Pictures go along.
fn turned(root: &Path, document: &Path, text: &str, pages: &BTreeMap<PathBuf, String>, to: &Path) -> Result<String> {
    let mut found = Vec::new();
    for link in links(text) {
        // The last: what a link shows may be a picture. One by reference has its destination elsewhere; there are none.
        let shown = text.get(link.at.clone()).unwrap_or_default();
        let Some(at) = shown.rfind(&format!("]({}", link.to)) else {
            bail!("{}: the link to {} is written in a way that the book does not know", document.display(), link.to);
        };
        found.push((link.at.start + at + 2, link.to));
    }
    // From the last, so that places before it stay true.
    found.sort_by_key(|(start, _)| std::cmp::Reverse(*start));
    let mut done = text.to_owned();
    for (start, link) in found {
        let (file, anchor) = aim(document, &link)?;
        let anchor = anchor.map(|anchor| format!("#{anchor}")).unwrap_or_default();
        let is_picture = file.extension().is_some_and(|end| matches!(end.to_str(), Some("png" | "svg" | "gif")));
        let leads = match pages.get(&file) {
            Some(page) => format!("{page}{anchor}"),
            None if is_picture => {
                let name = page(&file);
                fs::copy(root.join(&file), to.join(&name))?;
                name
            }
            None => format!("{REPOSITORY}{}{anchor}", file.display()),
        };
        done.replace_range(start..start + link.len(), &leads);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_somewhere() {
        assert_eq!(broken(&root(), &documents().unwrap()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_link_to_no_file_no_heading_or_out_of_the_repository_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let text =
            "# A `b` c\n\n[x](#a-b-c) [x](#a) [x](no.md)\n![x](../y.png) [x](docs/d.md#d-1) <https://example.org>\n";
        fs::create_dir(folder.path().join("docs")).unwrap();
        fs::write(folder.path().join("a.md"), text).unwrap();
        fs::write(folder.path().join("docs/d.md"), "## D\n## D\n[up](../a.md)").unwrap();
        let said = broken(folder.path(), &["a.md".into(), "docs/d.md".into()]).unwrap();
        assert_eq!(
            said,
            [
                "a.md:3: #a: there is no such heading",
                "a.md:3: no.md: there is no such file",
                "a.md:4: ../y.png: it leads out of the repository"
            ]
        );
    }

    #[test]
    fn links_lead_to_pages_or_to_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let (root, to) = (folder.path(), folder.path().join("pages"));
        fs::create_dir(root.join("docs")).unwrap();
        fs::write(root.join("docs/SUMMARY.md"), "[A](../README.md)\n\n- [B](b.md)\n").unwrap();
        fs::write(root.join("README.md"), "[![p](docs/p.png)](docs/b.md#b) [code](src/x.rs)").unwrap();
        fs::write(root.join("docs/b.md"), "# B\n[a](../README.md)").unwrap();
        fs::write(root.join("docs/p.png"), "png").unwrap();
        write_pages(root, &to).unwrap();
        let page = |name: &str| fs::read_to_string(to.join(name)).unwrap();
        assert_eq!(page("SUMMARY.md"), "[A](index.md)\n\n- [B](docs-b.md)\n");
        assert_eq!(page("index.md"), format!("[![p](docs-p.png)](docs-b.md#b) [code]({REPOSITORY}src/x.rs)"));
        assert_eq!(page("docs-b.md"), "# B\n[a](index.md)");
        assert_eq!(page("docs-p.png"), "png");
    }
}
