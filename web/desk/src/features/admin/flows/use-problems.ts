/** Checks the flow while somebody writes: our warnings at once, the server's mistakes after a pause. */
import { useEffect, useMemo, useState } from 'react';
import { validateStudio } from '../../../api/studio';
import type { FlowTranslator } from '../../../i18n/flows';
import type { Definition } from './definition';
import { fromMistakes, marksOf, warningsOf, type Problem } from './problems';

const pause = 400;

interface Checked {
  definition: Definition;
  problems: Problem[];
  error?: unknown;
}

export function useProblems(definition: Definition, text: FlowTranslator) {
  const [checked, setChecked] = useState<Checked>();
  useEffect(() => {
    let stale = false;
    const timer = setTimeout(() => {
      validateStudio('-', definition).then(
        (mistakes) => stale || setChecked({ definition, problems: fromMistakes(mistakes, definition) }),
        (error: unknown) => stale || setChecked((old) => ({ definition, problems: old?.problems ?? [], error })),
      );
    }, pause);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [definition]);
  const warnings = useMemo(() => warningsOf(definition, text), [definition, text]);
  const mistakes = checked?.problems;
  const problems = useMemo(() => [...(mistakes ?? []), ...warnings], [mistakes, warnings]);
  const marks = useMemo(() => marksOf(problems), [problems]);
  return { problems, marks, mistakes: mistakes?.length ?? 0, warnings: warnings.length, checking: checked?.definition !== definition, error: checked?.error };
}
