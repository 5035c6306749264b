/** Saving and publishing with their questions and their news. */
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { mistakesOf, type FlowDetail } from '../../../api/studio';
import { useText } from '../../../i18n';
import { useFlowText } from '../../../i18n/flows';
import { explain } from '../../../ui/errors';
import { useToast } from '../../../ui/toast';
import { ConflictDialog, PublishDialog } from './publish';
import type { SaveWish, WorkOn } from './work';

interface Attempt extends SaveWish {
  overwrite?: boolean;
}

export function useSaving(sid: string, work: WorkOn) {
  const { t, plural } = useFlowText();
  const desk = useText();
  const toast = useToast();
  const [publishing, setPublishing] = useState(false);
  const [conflict, setConflict] = useState<{ theirs: FlowDetail; wish: SaveWish }>();
  const mutation = useMutation({
    mutationFn: ({ overwrite, ...wish }: Attempt) => work.save(wish, overwrite),
    onSuccess: (result, { status, message }) => {
      setPublishing(false);
      if ('conflict' in result) return setConflict({ theirs: result.conflict, wish: { status, message } });
      const { saved, between } = result;
      if (between) toast({ text: t('ed.between', { n: between }), icon: 'info', seconds: 15 });
      else toast({ text: t(status === 'published' ? 'ed.publishedNow' : 'ed.savedDraft', { n: saved.revision }), seconds: 4 });
      return undefined;
    },
    onError: (error) => {
      const mistakes = mistakesOf(error);
      toast({ text: t('ed.saveFailed', { why: mistakes ? `${plural('ed.mistakes', mistakes.length)}: ${mistakes[0]!.message}` : explain(error, desk) }), icon: 'alert', seconds: 10 });
    },
  });
  const save = (wish: Attempt) => {
    if (!mutation.isPending) mutation.mutate(wish);
  };
  return {
    pending: mutation.isPending,
    save,
    publish: () => setPublishing(true),
    dialogs: (mistakes: number) => (
      <>
        <PublishDialog
          opened={publishing} sid={sid} name={work.doc.name} definition={work.doc.definition} mistakes={mistakes} pending={mutation.isPending}
          onPublish={(message) => save({ status: 'published', message: message || undefined })} onClose={() => setPublishing(false)}
        />
        <ConflictDialog
          theirs={conflict?.theirs} mine={work.base} onClose={() => setConflict(undefined)}
          onOverwrite={() => { setConflict(undefined); save({ ...conflict!.wish, overwrite: true }); }}
          onTheirs={() => { work.load(conflict!.theirs); setConflict(undefined); }}
        />
      </>
    ),
  };
}

export type Saving = ReturnType<typeof useSaving>;
