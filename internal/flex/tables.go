package flex

import "usher/internal/db"

var flows = db.Table[Flow]{
	Name: "flex_flow", Steady: true,
	Row: func(f *Flow) *db.Row { return &f.Row },
	Columns: []db.Column[Flow]{
		{Name: "enabled", Field: func(f *Flow) any { return &f.Enabled }},
		{Name: "channel_type", Field: func(f *Flow) any { return &f.ChannelType }},
		{Name: "integration_type", Field: func(f *Flow) any { return &f.IntegrationType }},
		{Name: "contact_hash", Field: func(f *Flow) any { return &f.contactHash }},
		{Name: "keep_days", Field: func(f *Flow) any { return &f.KeepDays }},
	},
	Doc: func(f *Flow) any { return &f.FlowDocument },
}

var contacts = db.Table[Contact]{
	Name: "flex_contact",
	Row:  func(c *Contact) *db.Row { return &c.Row },
	Columns: []db.Column[Contact]{
		{Name: "identity_hash", Field: func(c *Contact) any { return &c.identityHash }},
	},
	Doc: func(c *Contact) any { return &c.ContactDocument },
}

var channels = db.Table[Channel]{
	Name: "flex_channel",
	Row:  func(c *Channel) *db.Row { return &c.Row },
	Columns: []db.Column[Channel]{
		{Name: "flow_id", Field: func(c *Channel) any { return &c.FlowID }},
		{Name: "contact_id", Field: func(c *Channel) any { return &c.ContactID }},
		{Name: "web", Field: func(c *Channel) any { return &c.Web }},
		{Name: "open", Field: func(c *Channel) any { return &c.Open }},
		{Name: "task_sid", Field: func(c *Channel) any { return &c.Task }},
		{Name: "check_at", Field: func(c *Channel) any { return &c.CheckAt }},
		{Name: "closed_at", Field: func(c *Channel) any { return &c.ClosedAt }},
	},
	Doc: func(c *Channel) any { return &c.ChannelDocument },
}

var configurations = db.Table[Configuration]{
	Name: "flex_configuration", Steady: true,
	Row: func(c *Configuration) *db.Row { return &c.Row },
	Doc: func(c *Configuration) any { return &c.ConfigurationDocument },
}
