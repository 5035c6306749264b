package signin

import (
	"log/slog"
	"net/http"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"
)

// personWire is a person on the wire.
type personWire struct {
	SID         sid.SID      `json:"sid"`
	Email       string       `json:"email"`
	Name        string       `json:"name"`
	Role        account.Role `json:"role"`
	HasPassword bool         `json:"has_password"`
	WorkerSID   *sid.SID     `json:"worker_sid"`
	Disabled    bool         `json:"disabled"`
	DateCreated string       `json:"date_created"`
}

func viewPerson(p account.Person) personWire {
	w := personWire{
		SID: p.SID, Email: p.Email, Name: p.Name, Role: p.Role, HasPassword: p.HasPassword(), Disabled: p.Disabled,
		DateCreated: iso(p.CreatedAt),
	}
	if p.Worker != "" {
		w.WorkerSID = &p.Worker
	}
	return w
}

// maxPeople bounds the list, which is not paged: a desk shows it whole.
const maxPeople = 10_000

func (s *server) people(c *call) (int, any, error) {
	login, err := s.login(c)
	if err != nil {
		return 0, nil, err
	}
	out := []personWire{}
	for page := (db.Page{Size: 500}); ; {
		got, err := s.People.ListPeople(c.ctx, actorOf(login), page)
		if err != nil {
			return 0, nil, err
		}
		for _, p := range got.Items {
			out = append(out, viewPerson(p))
		}
		if page.After = got.Next; page.After == "" || len(out) >= maxPeople {
			return http.StatusOK, map[string]any{"people": out}, nil
		}
	}
}

// invite makes a person and the link that they begin with.
func (s *server) invite(c *call) (int, any, error) {
	login, err := s.login(c)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Email string       `json:"email"`
		Name  string       `json:"name"`
		Role  account.Role `json:"role"`
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	actor := actorOf(login)
	p, err := s.People.CreatePerson(c.ctx, actor, account.NewPerson{Email: in.Email, Name: in.Name, Role: in.Role})
	if err != nil {
		return 0, nil, err
	}
	link, err := s.link(c, actor, p)
	s.audit(c, "person invited", who(login), slog.String("subject", string(p.SID)), slog.String("role", string(p.Role)))
	return http.StatusCreated, map[string]any{"person": viewPerson(p), "link": link}, err
}

// update changes a person, ends their sessions, or makes a new link for them.
func (s *server) update(c *call) (int, any, error) {
	login, err := s.login(c)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Name     *string       `json:"name"`
		Role     *account.Role `json:"role"`
		Disabled *bool         `json:"disabled"`
		Invite   bool          `json:"invite"`
		SignOut  bool          `json:"sign_out"`
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	actor, subject := actorOf(login), sid.SID(c.r.PathValue("sid"))
	var p account.Person
	if in.Name != nil || in.Role != nil || in.Disabled != nil {
		p, err = s.People.UpdatePerson(c.ctx, actor, subject, account.PersonChange{Name: in.Name, Role: in.Role, Disabled: in.Disabled})
	} else {
		p, err = s.People.GetPerson(c.ctx, actor, subject)
	}
	if err != nil {
		return 0, nil, err
	}
	if in.SignOut {
		if err := s.People.SignOutAll(c.ctx, actor, subject); err != nil {
			return 0, nil, err
		}
	}
	out := map[string]any{"person": viewPerson(p)}
	if in.Invite {
		if out["link"], err = s.link(c, actor, p); err != nil {
			return 0, nil, err
		}
	}
	s.audit(c, "person changed", who(login), slog.String("subject", string(p.SID)), slog.String("role", string(p.Role)),
		slog.Bool("disabled", p.Disabled), slog.Bool("link", in.Invite), slog.Bool("sign_out", in.SignOut))
	return http.StatusOK, out, nil
}

// link makes a one-time link. The secret stands behind a #, so that no server and no Referer sees it.
func (s *server) link(c *call, actor account.Actor, p account.Person) (string, error) {
	secret, _, err := s.People.NewLink(c.ctx, actor, p.SID)
	if err != nil {
		return "", err
	}
	return s.Origin(c.r) + "/desk/signin#once=" + secret, nil
}

// actorOf is what a signed-in person may do.
func actorOf(login account.Login) account.Actor {
	p := login.Person
	return account.Actor{
		Account: p.Account, AccountSID: login.AccountSID, Role: p.Role, Person: p.SID, Identity: p.Identity(), Worker: p.Worker,
	}
}
