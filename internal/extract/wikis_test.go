package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestWikisAndLaTeX(t *testing.T) {
	for _, c := range []struct{ name, file, data, want string }{
		{"inline markup of MediaWiki", "a.wiki", "'''Alpha''' is [[Pump|a pump]] of [[Northwind]]<ref>Page 5</ref>, [https://a.org the page]<!-- x -->, 10<sup>3</sup>&nbsp;kg, {{convert|5|km}}.",
			"Alpha is a pump of Northwind (Page 5), the page (https://a.org), 10³ kg, 5 km."},
		{"a box of fields in MediaWiki", "a.mediawiki", "{{Infobox pump\n| name = Alpha\n| flow_rate = {{convert|120|l/min}}\n| image = [[File:x.jpg|thumb|The pump]]\n}}\nText",
			"Infobox pump\nname: Alpha\nflow rate: 120 l/min\nimage: The pump\nText"},
		{"a table of MediaWiki", "a.wiki", "== Ratings ==\n{| class=\"x\"\n|+ Limits\n! Model !! style=\"x\" | Pressure\n|-\n| rowspan=\"2\" | Beta\n| 9 bar\n|-\n| 10 bar<br/>(short)\n|}\nEnd",
			"[2 Ratings]== Ratings ==\n\n[Limits;Model | Pressure]Limits\nModel | Pressure\nBeta | 9 bar\nBeta | 10 bar (short)\n\nEnd"},
		{"a table of MediaWiki that does not end", "a.wiki", "{| class=x\n| a || b", "{| class=x\n| a || b"},
		{"Textile", "a.textile", "h1. Manual\n\n|_. Model |_. Flow |\n| Alpha | 120 |\n",
			"[1 Manual]h1. Manual\n\n[;Model | Flow]Model | Flow\nAlpha | 120"},
		{"DokuWiki", "a.dokuwiki", "====== Manual ======\n\n^ Model ^ Flow ^\n| Alpha | 120 |\n| ::: | 130 |\n\n===== Parts =====\n",
			"[1 Manual]====== Manual ======\n\n[;Model | Flow]Model | Flow\nAlpha | 120\nAlpha | 130\n\n[2 Parts]===== Parts ====="},
		{"Creole", "a.creole", "= Manual\n\n|= Model |= Flow |\n| Alpha | 120 |\n", "[1 Manual]= Manual\n\n[;Model | Flow]Model | Flow\nAlpha | 120"},
		{"sections of LaTeX", "a.tex", "\\documentclass{article}\n\\newcommand{\\maker}{Northwind Ltd}\n\\begin{document}\n\\section[S]{Ratings \\& limits}\\label{x} % note\nOf \\maker{}: 12\\,\\% of Gr\\\"o{\\ss}e, caf\\'e, \\v{S}koda --- ``so''\\footnote{See \\cite{man}.}\n\\subsection*{Parts}\n\\begin{itemize}\\item Seal \\emph{blue}\n\\item[Oil] ISO VG 46\\end{itemize}\n\\end{document}\nnot shown",
			"[2 Ratings & limits]Ratings & limits\n\nOf Northwind Ltd: 12 % of Größe, café, Škoda — “so” (See [man].)\n\n[3 Parts]Parts\n- Seal blue\n- Oil: ISO VG 46"},
		{"a table of LaTeX with its caption below", "a.tex", "\\begin{table}\\begin{tabular}{lr}\\toprule Model & Flow \\\\ \\midrule \\multirow{2}{*}{Alpha} & 120 \\\\ & 130 \\\\[2pt] \\multicolumn{2}{c}{Beta \\& Co} \\\\ \\bottomrule\\end{tabular}\\caption{Limits}\\end{table}",
			"[Limits;Model | Flow]Limits\nModel | Flow\nAlpha | 120\nAlpha | 130\nBeta & Co"},
		{"a long table of LaTeX", "a.tex", "\\begin{longtable}{|l|c|}\\caption{Long}\\\\ \\hline Name & Value \\\\ \\hline\\endhead a \\% & $5\\,\\mathrm{m}^2$ \\\\ \\end{longtable}",
			"[Long;Name | Value]Long\nName | Value\na % | 5 m²"},
		{"formulas and quantities of LaTeX", "a.tex", "$\\frac{12}{5} \\times 10^{6}$, \\SI{5.5}{\\kilo\\metre\\per\\hour}, \\[a_{max} \\leq \\sqrt{b+c}\\] costs \\$5",
			"12/5 × 10⁶, 5.5 km/h, a_max ≤ √(b+c) costs $5"},
		{"code in LaTeX", "a.tex", "\\begin{verbatim}\nx = 5 % \\y{z}\n\\end{verbatim}\nand \\verb|a_b{|.", "x = 5 % \\y{z}\n\nand a_b{."},
		{"what no reader of LaTeX knows", "a.tex", "\\foo{kept}{also} \\begin{bar}{\\Large Important}\\end{bar}", "kept also\nImportant"},
		{"subtitles", "a.srt", "1\r\n00:00:01,000 --> 00:00:03,000\r\nThe pump must be\r\n\r\n2\r\n00:00:03,000 --> 00:00:05,000\r\n<i>switched off</i> first.\r\n",
			"[00:00:01] The pump must be switched off first."},
		{"subtitles of the web", "a.vtt", "WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:03.000 align:start\n<v Anna>The pump must\nbe\n\n00:03.000 --> 00:05.000\n<c.x>off</c> first.\n",
			"[00:01] Anna: The pump must be off first."},
		{"a card in quoted-printable", "a.vcf", "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen\r\nNOTE;ENCODING=QUOTED-PRINTABLE:One=0D=0A=\r\ntwo\r\nTEL:+49 1\r\nEND:VCARD\r\n",
			"BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8:Müller;Jürgen\nNOTE:One two\nTEL:+49 1\nEND:VCARD"},
		{"brackets of MediaWiki that nothing closes", "a.wiki", "A set {{ opens [[ with words.\n\nSee [[Pump|the pump]], call (), [[Seal|]].",
			"A set {{ opens [[ with words.\n\nSee the pump, call (), Seal."},
		{"cells of MediaWiki of many lines", "a.wiki", "{|\n|+ Limits\nof pumps\n! Model\n! Note\n|-\n| Alpha\n|\n* dry\n* hot\n|}",
			"[Limits of pumps;Model | Note]Limits of pumps\nModel | Note\nAlpha | * dry * hot"},
		{"groups behind LaTeX that is not shown", "a.tex", "\\section{A}\\label{a} {\\bf Note}: \\vspace{1cm} {\\Large big} \\color{red}{red} \\resizebox{1cm}{!}{box} \\newcommand\\x[1][y]{z}end",
			"[2 A]A\n\nNote:  big red box end"},
		{"percent signs in LaTeX", "a.tex", "\\url{https://a.org/a%20b} shown, 5\\% of \\verb|%d| \\\\% a comment\nmore",
			"https://a.org/a%20b shown, 5% of %d\nmore"},
		{"authors of LaTeX", "a.tex", "\\documentclass{article}\\title[S]{The pump}\\author{A. Doe \\and B. Roe}\\date{May 2025}\\begin{document}\\maketitle x\\end{document}",
			"A. Doe B. Roe\nMay 2025\nx"},
		{"a table of LaTeX in a cell", "a.tex", "\\begin{tabular}{ll}\\hline Model & \\begin{tabular}[c]{@{}c@{}}Flow\\\\ rate\\end{tabular} \\\\ \\hline Alpha & 120 \\\\ \\end{tabular}",
			"[;Model | Flow rate]Model | Flow rate\nAlpha | 120"},
		{"signs of LaTeX that are no commands", "a.tex", "a\\\nb \\ü \\verb§c§ \\'\\é", "a b ü c é\u0301"},
		{"a cue with a blank line", "a.srt", "1\n00:00:01,000 --> 00:00:02,000\n\nThe pump\n\nis off.\n\n2\n00:00:03,000 --> 00:00:05,000\n42\n\n3\n00:00:05,000 --> 00:00:06,000\nbar\n",
			"[00:00:01] The pump is off. 42 bar"},
		{"a card in another encoding", "a.vcf", "BEGIN:VCARD\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=FCrgen\nEND:VCARD\n",
			"BEGIN:VCARD\nN;CHARSET=ISO-8859-1:Müller;Jürgen\nEND:VCARD"},
		{"macros alone", "a.tex", "\\newcommand{\\x}{y}\n", "\\newcommand{\\x}{y}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, structured(extract(t, c.file, c.data))); diff != "" {
				t.Error(diff)
			}
		})
	}
	if d := extract(t, "a.tex", "\\title{The \\textbf{Alpha}}\\begin{document}x\\end{document}"); d.Title != "The Alpha" {
		t.Errorf("title %q", d.Title)
	}
}

// hostileWikis are texts of wikis and of LaTeX whose brackets do not end, or put in one another.
func hostileWikis() []hostile {
	return []hostile{
		{name: "links of MediaWiki that do not end", file: "a.wiki", n: 2_000_000,
			make: asText(func(n int) string { return "x" + times(n, "[[{{") })},
		{name: "tables of MediaWiki that do not end", file: "a.wiki", n: 300_000,
			make: asText(func(n int) string { return times(n, "{|\n") })},
		{name: "a table of MediaWiki whose cells span everything", file: "a.wiki", n: 4000, make: asText(func(n int) string {
			return "{|\n" + times(n, "|-\n| colspan=9999 rowspan=9999 | x\n") + "|}\n"
		}), want: config.TooComplex, says: "split it"},
		{name: "groups of LaTeX that do not end", file: "a.tex", n: 1_000_000,
			make: asText(func(n int) string { return "x" + times(n, `\section{\emph{$`) })},
		{name: "environments of LaTeX that do not end", file: "a.tex", n: 500_000,
			make: asText(func(n int) string { return "x" + times(n, `\begin{table}\begin{tabular}{l}`) })},
		{name: "formulas of LaTeX that do not end", file: "a.tex", n: 500_000,
			make: asText(func(n int) string { return "x" + times(n, `\(\verb|`) })},
		{name: "formulas of LaTeX that open alone", file: "a.tex", n: 1_000_000,
			make: asText(func(n int) string { return times(n, `\(`) })},
		{name: "roots of LaTeX without end", file: "a.tex", n: 1_000_000,
			make: asText(func(n int) string { return `\begin{equation}` + times(n, `\sqrt`) + `\end{equation}` })},
		{name: "a cell of MediaWiki of many lines", file: "a.wiki", n: 1_000_000,
			make: asText(func(n int) string { return "{|\n| a\n" + times(n, "some words\n") + "|}\n" })},
		{name: "a card of many fields in quoted-printable", file: "a.vcf", n: 200_000, make: asText(func(n int) string {
			return "BEGIN:VCARD\n" + times(n, "N;ENCODING=QUOTED-PRINTABLE:=E4\n")
		})},
		{name: "macros of LaTeX that put in each other", file: "a.tex", n: 400, make: asText(func(n int) string {
			return `\newcommand{\a}{` + times(n, `\a`) + `x}\begin{document}` + times(n, `\a `) + `\end{document}`
		})},
	}
}
