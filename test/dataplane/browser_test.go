package dataplane

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	keyboard "github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var update = flag.Bool("update", false, "write the pictures of the docs")

// browser is a tab of a real browser that shows the page of a gateway.
type browser struct {
	t    *testing.T
	url  string
	ctx  context.Context // a tab is a context of chromedp
	also []string        // are other sites that the user goes to

	mu       sync.Mutex
	problems []string // are errors on the console, and requests to other hosts
}

// open starts a browser and opens the page. If there is no Chromium or no axe-core, the test is skipped, or fails if
// RAGPIPELINE_BROWSER asks for it. A failure of a request that the page was told of is not an error of the page.
func open(t *testing.T, c client, options ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	program, err := chromium()
	if err == nil {
		_, err = axe()
	}
	if err != nil {
		if os.Getenv("RAGPIPELINE_BROWSER") == "require" {
			t.Fatalf("RAGPIPELINE_BROWSER=require, but %v", err)
		}
		t.Skipf("skipped: %v", err)
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	ctx, stopBrowser := chromedp.NewExecAllocator(ctx, slices.Concat(chromedp.DefaultExecAllocatorOptions[:],
		[]chromedp.ExecAllocatorOption{chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1280, 800)}, options)...)
	ctx, closeTab := chromedp.NewContext(ctx)
	b := &browser{t: t, url: c.url, ctx: ctx}
	t.Cleanup(func() {
		closeTab()
		stopBrowser()
		stop()
	})
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	b.do("set the size", chromedp.EmulateViewport(1280, 860))
	b.load("/")
	return b
}

// chromium is the path of the browser.
func chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no chromium in PATH")
}

// axe is the script of axe-core, installed once into the user's cache directory.
var axe = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	var manifest struct{ Dependencies map[string]string }
	from := filepath.Join("testdata", "axe")
	text, err := os.ReadFile(filepath.Join(from, "package.json"))
	if err == nil {
		err = json.Unmarshal(text, &manifest)
	}
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "ragpipeline", "axe-"+manifest.Dependencies["axe-core"])
	script := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if b, err := os.ReadFile(script); err == nil {
		return string(b), nil
	}
	temporary, err := os.MkdirTemp("", "ragpipeline-axe-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temporary)
	if err := os.CopyFS(temporary, os.DirFS(from)); err != nil {
		return "", err
	}
	npm := exec.Command("npm", "ci", "--prefix", temporary, "--ignore-scripts", "--no-audit", "--no-fund")
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install axe-core, which needs npm and its registry: %w\n%s", err, out)
	}
	if err := os.CopyFS(dir, os.DirFS(temporary)); err != nil && !errors.Is(err, os.ErrExist) { // another test did
		return "", err
	}
	b, err := os.ReadFile(script)
	return string(b), err
})

// listen notes what a page must not do.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	note := func(format string, args ...any) { b.problems = append(b.problems, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		url := e.Request.URL
		allowed := func(site string) bool { return strings.HasPrefix(url, site+"/") }
		if !allowed(b.url) && !allowed("blob:"+b.url) && url != "about:blank" && !slices.ContainsFunc(b.also, allowed) {
			note("a request to %s", url)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork || e.Entry.Source == log.EntrySourceSecurity {
			note("an error: %s", e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		note("an exception: %s", describe(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			note("console.error: %s", e.Args[0].Value)
		}
	}
}

func describe(e *runtime.ExceptionDetails) string {
	if e.Exception != nil {
		return e.Exception.Description
	}
	return e.Text
}

// load opens a path of the gateway.
func (b *browser) load(path string) { b.t.Helper(); b.do("load "+path, chromedp.Navigate(b.url+path)) }

// do takes a step that must succeed soon.
func (b *browser) do(what string, step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, step); err != nil {
		b.t.Fatalf("%s: %v\nThe page shows:\n%s", what, err, b.text("body"))
	}
}

// read evaluates an expression.
func read[T any](b *browser, expression string) (value T) {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// text is what a user sees of the element.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return read[string](b, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// sees waits until the element shows all the texts.
func (b *browser) sees(selector string, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		quoted, _ := json.Marshal(text) // cannot fail
		b.until(fmt.Sprintf("document.querySelector(%q)?.innerText.includes(%s)", selector, quoted))
	}
}

// until waits until the expression holds, also on a page that is loaded meanwhile.
func (b *browser) until(expression string) {
	b.t.Helper()
	deadline, pause := time.Now().Add(patience/2), time.NewTicker(20*time.Millisecond)
	defer pause.Stop()
	for {
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && holds {
			return
		}
		if time.Now().After(deadline) || b.ctx.Err() != nil {
			b.t.Fatalf("it never holds that %s: %v\nThe page shows:\n%s", expression, err, b.text("body"))
		}
		<-pause.C
	}
}

// press presses keys, one after the other.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.do("press a key", chromedp.KeyEvent(key))
	}
}

// tabTo presses the tabulator until the element has the focus, as one does who has no mouse.
func (b *browser) tabTo(selector string) {
	b.t.Helper()
	for range 60 {
		if read[bool](b, fmt.Sprintf("document.activeElement?.matches(%q) ?? false", selector)) {
			return
		}
		b.press(kb.Tab)
	}
	b.t.Fatalf("the keyboard does not reach %s", selector)
}

// ask types a question, and sends it with the Enter key. chromedp's own makes a line break, too, whatever the page does.
func (b *browser) ask(question string) {
	b.t.Helper()
	b.tabTo("#question")
	b.press(question)
	for _, kind := range []keyboard.DispatchKeyEventType{keyboard.DispatchKeyEventTypeRawKeyDown, keyboard.DispatchKeyEventTypeKeyUp} {
		_, err := chromedp.Call(b.ctx, keyboard.DispatchKeyEvent, keyboard.DispatchKeyEventParams{
			Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13,
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// answered waits for the end of the last answer, and returns what it shows.
func (b *browser) answered() string {
	b.t.Helper()
	b.until("document.querySelector('.turn:last-child')?.getAttribute('aria-busy') === 'false'")
	return b.text(".turn:last-child")
}

// accessible holds the page, as it is now, to every rule of axe-core, in light and in dark.
func (b *browser) accessible(when string) {
	b.t.Helper()
	script, _ := axe() // open has read it
	if !read[bool](b, "'axe' in window") {
		read[bool](b, script+";true")
	}
	for scheme, rules := range map[string]string{"dark": `{runOnly: ["color-contrast"]}`, "light": "{}"} { // colours alone differ
		b.scheme(scheme)
		found := read[[]string](b, `axe.run(document, `+rules+`).then(r => r.violations.map(v =>
			v.id + ": " + v.help + ": " + v.nodes.map(n => n.html + " " + n.any.map(c => c.message)).join(", ")))`)
		for _, violation := range found {
			b.t.Errorf("%s, in %s: %s", when, scheme, violation)
		}
	}
	b.scheme("light")
}

func (b *browser) scheme(value string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	if err != nil {
		b.t.Fatal(err)
	}
}

// narrow makes the window as small as that of the smallest phone, does what is asked there, and checks that nothing is
// beside the window.
func (b *browser) narrow(do func()) {
	b.t.Helper()
	b.do("shrink", chromedp.EmulateViewport(320, 640, chromedp.EmulateMobile))
	do()
	if wide := read[int](b, "document.documentElement.scrollWidth"); wide > 320 {
		b.t.Errorf("at 320 pixels, the page is %d wide", wide)
	}
	b.do("widen", chromedp.EmulateViewport(1280, 860))
}

// picture writes what the window shows into the docs, if -update asks for it.
func (b *browser) picture(name string) {
	b.t.Helper()
	if !*update {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join("..", "..", "docs", "images", name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// behaved checks that nothing was wrong on the console, and that the page has asked no other host for anything.
func (b *browser) behaved() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Error(p)
	}
}
