package studio

import "usher/internal/db"

var flows = db.Table[Flow]{
	Name: "studio_flow", Steady: true,
	Row: func(f *Flow) *db.Row { return &f.Row },
	Columns: []db.Column[Flow]{
		{Name: "latest", Field: func(f *Flow) any { return &f.Latest }},
		{Name: "published", Field: func(f *Flow) any { return &f.Published }},
	},
	Doc: func(f *Flow) any { return &f.FlowDocument },
}

var revisions = db.Table[Revision]{
	Name: "studio_revision",
	Row:  func(r *Revision) *db.Row { return &r.Row },
	Columns: []db.Column[Revision]{
		{Name: "flow_id", Field: func(r *Revision) any { return &r.FlowID }},
		{Name: "number", Field: func(r *Revision) any { return &r.Number }},
		{Name: "published", Field: func(r *Revision) any { return &r.Published }},
		{Name: "valid", Field: func(r *Revision) any { return &r.Valid }},
	},
	Doc: func(r *Revision) any { return &r.RevisionDocument },
}

var executions = db.Table[Execution]{
	Name: "studio_execution",
	Row:  func(e *Execution) *db.Row { return &e.Row },
	Columns: []db.Column[Execution]{
		{Name: "flow_id", Field: func(e *Execution) any { return &e.FlowID }},
		{Name: "revision", Field: func(e *Execution) any { return &e.Revision }},
		{Name: "contact_hash", Field: func(e *Execution) any { return &e.contactHash }},
		{Name: "active", Field: func(e *Execution) any { return &e.Active }},
		{Name: "wake_at", Field: func(e *Execution) any { return &e.WakeAt }},
		{Name: "ended_at", Field: func(e *Execution) any { return &e.EndedAt }},
		{Name: "parent_id", Field: func(e *Execution) any { return &e.ParentID }},
		{Name: "test_at", Field: func(e *Execution) any { return &e.TestAt }},
	},
	Doc: func(e *Execution) any { return &e.ExecutionDocument },
}

var steps = db.Table[Step]{
	Name: "studio_step",
	Row:  func(s *Step) *db.Row { return &s.Row },
	Columns: []db.Column[Step]{
		{Name: "execution_id", Field: func(s *Step) any { return &s.ExecutionID }},
	},
	Doc: func(s *Step) any { return &s.StepDocument },
}

var lines = db.Table[Line]{
	Name: "studio_test_line",
	Row:  func(l *Line) *db.Row { return &l.Row },
	Columns: []db.Column[Line]{
		{Name: "execution_id", Field: func(l *Line) any { return &l.ExecutionID }},
	},
	Doc: func(l *Line) any { return &l.LineDocument },
}

var functions = db.Table[Function]{
	Name: "studio_function",
	Row:  func(f *Function) *db.Row { return &f.Row },
	Doc:  func(f *Function) any { return &f.FunctionDocument },
}

var assistants = db.Table[Assistant]{
	Name: "studio_assistant",
	Row:  func(a *Assistant) *db.Row { return &a.Row },
	Doc:  func(a *Assistant) any { return &a.AssistantDocument },
}
