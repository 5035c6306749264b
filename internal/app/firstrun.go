package app

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/messaging/connection"
	"usher/internal/sid"
	"usher/internal/signin"
	"usher/internal/studio"
	"usher/internal/taskrouter"
)

// Names that an account of the original begins with; desks, scripts and flows look for them.
const (
	chatServiceName = "Flex Chat Service"
	webFlowName     = "Flex Web Channel Flow"
	smsFlowName     = "Flex Messaging Channel Flow"
	sandboxNumber   = "+15005550100"
	sandboxName     = "Sandbox"
)

// chatsAtOnce is how many conversations a new person of the desk holds at a time; operators change it per worker.
const chatsAtOnce = 4

// welcome is what the first lines of the output say.
type welcome struct {
	base, account, email string
	flow                 sid.SID
	link                 string // one-time sign-in, "" when the administrator has a password
	credentials          string // file, "" when nothing new was made
}

func (w welcome) print(out io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nUsher is ready.\n\n")
	fmt.Fprintf(&b, "  Desk      %s/desk/\n  Admin     %s/desk/admin\n  Demo      %s/demo/?flow=%s\n", w.base, w.base, w.base, w.flow)
	fmt.Fprintf(&b, "  Account   %s\n", w.account)
	if w.credentials != "" {
		fmt.Fprintf(&b, "  Keys      %s\n", w.credentials)
	}
	if w.link != "" {
		fmt.Fprintf(&b, "\nSign in as %s, once, within the hour, and choose a password:\n\n  %s\n", w.email, w.link)
	}
	fmt.Fprintln(&b)
	_, _ = io.WriteString(out, b.String())
}

// firstRun makes sure that the installation has its account, its defaults and an administrator. Each step looks first, so a
// run that was cut goes on where it stood.
func (p *parts) firstRun(ctx context.Context, base string) (welcome, error) {
	setup := p.setup
	w := welcome{base: base, account: string(setup.Account.SID), email: p.config.AdminEmail}
	acct := setup.Account.ID
	people, err := p.accounts.ListPeople(ctx, account.System(acct, setup.Account.SID), db.Page{Size: 1})
	if err != nil {
		return w, err
	}
	if len(people.Items) == 0 { // the person comes last: until then the credentials may not have been written
		if w.credentials, err = p.writeCredentials(ctx, setup); err != nil {
			return w, fmt.Errorf("credentials: %w", err)
		}
	}
	err = p.db.Do(ctx, func(tx *db.Tx) error { return p.defaults(tx, acct, setup.Account.SID) })
	if errors.Is(err, db.ErrConflict) { // another node was faster: now they are there
		err = p.db.Do(ctx, func(tx *db.Tx) error { return p.defaults(tx, acct, setup.Account.SID) })
	}
	if err != nil {
		return w, fmt.Errorf("defaults: %w", err)
	}
	flow, err := p.flex.PublicFlow(ctx, "")
	if err == nil {
		w.flow = flow.SID
	} else if !fault.Is(err, fault.KindNotFound) {
		return w, err
	}
	w.link, err = p.administrator(ctx, setup.Account, base)
	return w, err
}

// mainAccount finds or makes the account and its first key.
func (p *parts) mainAccount(ctx context.Context) (account.Setup, error) {
	c := p.config
	spec := account.Spec{
		AccountSID: sid.SID(c.AccountSID), AuthToken: c.AuthToken, KeySID: sid.SID(c.APIKey), KeySecret: c.APISecret,
	}
	if _, err := p.accounts.MainAccount(ctx); errors.Is(err, db.ErrNotFound) || fault.Is(err, fault.KindNotFound) {
		spec.FriendlyName = "My contact center"
		if spec.KeySID == "" {
			spec.KeySID = sid.New(sid.Key)
		}
	} else if err != nil {
		return account.Setup{}, err
	}
	return p.accounts.Bootstrap(ctx, spec)
}

// writeCredentials leaves the new account's credentials in a file that only its owner can read: they are shown nowhere else.
func (p *parts) writeCredentials(ctx context.Context, s account.Setup) (string, error) {
	if s.Key.SID == "" {
		// The run that made the account was cut, and with it went the secret of its key: another one takes its place.
		again, err := p.accounts.Bootstrap(ctx, account.Spec{AccountSID: s.Account.SID, KeySID: sid.New(sid.Key)})
		if err != nil {
			return "", err
		}
		s.Key = again.Key
	}
	path := filepath.Join(p.config.Data, "credentials.env")
	text := fmt.Sprintf("# Credentials of this installation's account. Keep them as you keep a password; delete this file when they are elsewhere.\n"+
		"USHER_ACCOUNT_SID=%s\nUSHER_AUTH_TOKEN=%s\nUSHER_API_KEY=%s\nUSHER_API_SECRET=%s\n",
		s.Account.SID, s.Account.AuthToken, s.Key.SID, s.Key.Secret)
	if err := os.MkdirAll(p.config.Data, 0o700); err != nil {
		return "", err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	// An older file keeps its mode, unless told.
	return path, errors.Join(file.Chmod(0o600), write(file, text), file.Sync(), file.Close())
}

func write(file *os.File, text string) error {
	_, err := file.WriteString(text)
	return err
}

// defaults gives a new account what an account of the original begins with, unless it has it.
func (p *parts) defaults(tx *db.Tx, acct int64, name sid.SID) error {
	_, err := p.flex.ConfigurationTx(tx, acct)
	if !fault.Is(err, fault.KindNotFound) {
		return err
	}
	tasks, err := p.tasks.Defaults(tx, acct, name, taskrouter.DefaultWorkspace)
	if err != nil {
		return err
	}
	service, err := p.chat.CreateServiceTx(tx, acct, chat.NewService{FriendlyName: chatServiceName})
	if err != nil {
		return err
	}
	for _, f := range defaultFlows {
		if err := p.defaultFlow(tx, acct, f, service.SID, tasks); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	masks, err := p.proxy.CreateFlexTx(tx, acct, name, service.SID)
	if err != nil {
		return err
	}
	kind, addresses := connection.Sandbox, []string{sandboxNumber}
	title := sandboxName
	if _, err := p.carriers.CreateTx(tx, acct, connection.Change{Kind: &kind, FriendlyName: &title, Addresses: &addresses}); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return p.flex.PutConfigurationTx(tx, acct, flex.ConfigurationDocument{
		Workspace: tasks.Workspace, Workflow: tasks.Workflow, Queue: tasks.Queue, Offline: tasks.Offline,
		ChatService: service.SID, Proxy: masks.SID,
	})
}

// defaultFlows are the Flex Flows that an account begins with, each on a Studio flow of its own that hands the conversation to
// an agent at once: operators put their bot between.
var defaultFlows = []struct{ name, channel, identity, studio, file string }{
	{webFlowName, "web", "", "Webchat Flow", "flows/webchat.json"},
	{smsFlowName, "sms", sandboxNumber, "Messaging Flow", "flows/messaging.json"},
}

//go:embed flows/*.json
var flowFiles embed.FS

// defaultFlow makes one of them.
func (p *parts) defaultFlow(tx *db.Tx, acct int64, f struct{ name, channel, identity, studio, file string }, service sid.SID, tasks taskrouter.DefaultIDs) error {
	text, err := flowFiles.ReadFile(f.file)
	if err != nil {
		return err
	}
	definition := strings.NewReplacer("{WORKFLOW}", string(tasks.Workflow), "{CHANNEL}", string(tasks.ChatChannel)).Replace(string(text))
	flow, err := p.studio.CreateFlowTx(tx, acct, studio.NewFlow{FriendlyName: f.studio, Status: studio.Published, Definition: definition})
	if err != nil {
		return err
	}
	on, kind := true, flex.Studio
	_, err = p.flex.CreateFlowTx(tx, acct, flex.FlowChange{
		FriendlyName: &f.name, ChannelType: &f.channel, ContactIdentity: &f.identity, ChatService: &service, Enabled: &on, Janitor: &on,
		IntegrationType: &kind, Integration: flex.IntegrationChange{FlowSID: &flow.SID},
	})
	return err
}

// administrator makes the first person, who is also a worker, and returns a one-time sign-in link until there is a password.
func (p *parts) administrator(ctx context.Context, acct account.Account, base string) (string, error) {
	system := account.System(acct.ID, acct.SID)
	person, found, err := p.accounts.FindPerson(ctx, acct.ID, p.config.AdminEmail)
	if err != nil {
		return "", err
	}
	if !found {
		people, err := p.accounts.ListPeople(ctx, system, db.Page{Size: 1})
		if err != nil || len(people.Items) > 0 {
			return "", err // somebody else is in charge by now
		}
		person, err = p.createPerson(ctx, acct.ID, p.config.AdminEmail, p.config.AdminName, account.RoleAdmin)
		if err != nil {
			return "", err
		}
	}
	if person.HasPassword() {
		return "", nil
	}
	secret, _, err := p.accounts.NewLink(ctx, system, person.SID)
	if err != nil {
		return "", err
	}
	return base + "/desk/signin#once=" + secret, nil
}

// createPerson makes a person and the worker as whom the person gets tasks, in one transaction.
func (p *parts) createPerson(ctx context.Context, acct int64, email, name string, role account.Role) (account.Person, error) {
	var person account.Person
	err := p.db.Do(ctx, func(tx *db.Tx) error {
		worker, err := p.createWorker(tx, acct, email, name, role)
		if err != nil {
			return err
		}
		person, err = p.accounts.CreatePersonTx(tx, acct, account.NewPerson{Email: email, Name: name, Role: role, Worker: worker})
		return err
	})
	return person, err
}

// createWorker makes the worker of a person. Its attributes are those that the original gives a worker at the first sign-in.
func (p *parts) createWorker(tx *db.Tx, acct int64, email, name string, role account.Role) (sid.SID, error) {
	config, err := p.flex.ConfigurationTx(tx, acct)
	if err != nil {
		return "", err
	}
	attributes, err := json.Marshal(map[string]any{
		"contact_uri": "client:" + account.IdentityOf(email), "full_name": name, "email": email, "roles": []string{string(role)},
	})
	if err != nil {
		return "", err
	}
	worker, err := p.tasks.CreateWorkerTx(tx, acct, config.Workspace, taskrouter.NewWorker{
		FriendlyName: email, Attributes: string(attributes), Capacity: map[string]int64{"chat": chatsAtOnce},
	})
	return worker.SID, err
}

// Seat says where a person of the desk works, and makes the person's worker at the first sign-in.
func (p *parts) Seat(ctx context.Context, person account.Person) (signin.Seat, error) {
	var seat signin.Seat
	err := p.db.Do(ctx, func(tx *db.Tx) error {
		config, err := p.flex.ConfigurationTx(tx, person.Account)
		if err != nil {
			return err
		}
		seat = signin.Seat{Workspace: config.Workspace, Worker: person.Worker, ChatService: config.ChatService}
		if person.Worker != "" {
			return nil
		}
		if seat.Worker, err = p.createWorker(tx, person.Account, person.Email, person.Name, person.Role); err != nil {
			return err
		}
		_, err = p.accounts.UpdatePersonTx(tx, person.Account, person.SID, account.PersonChange{Worker: &seat.Worker})
		return err
	})
	return seat, err
}
