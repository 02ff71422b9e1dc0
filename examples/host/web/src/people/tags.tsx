// Tags, one after the other: a tag may hold anything, commas too.
import { useRef, useState } from "react";

import { useSay } from "../i18n";
import { Icon } from "../ui/icon";

export function TagsField({ tags, onChange }: { tags: string[]; onChange: (tags: string[]) => void }) {
  const { t, fill } = useSay();
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const add = () => {
    const tag = text.trim();
    if (tag && !tags.includes(tag)) onChange([...tags, tag]);
    setText("");
  };
  return (
    <div className="field">
      <label className="field-label" htmlFor="people-tag">
        {t.people.form.tags}
      </label>
      <div className="people-tags">
        {tags.map((tag) => (
          <span key={tag} className="people-tag people-tag-held">
            {tag}
            <button
              type="button"
              aria-label={fill(t.people.form.removeTag, { tag })}
              onClick={() => {
                onChange(tags.filter((one) => one !== tag));
                input.current?.focus();
              }}
            >
              <Icon name="stop" />
            </button>
          </span>
        ))}
        <input
          ref={input}
          id="people-tag"
          maxLength={100}
          autoComplete="off"
          value={text}
          aria-describedby="people-tag-hint"
          onChange={(event) => setText(event.target.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.key === "Enter") {
              event.preventDefault();
              add();
            }
            if (event.key === "Backspace" && text === "" && tags.length > 0) onChange(tags.slice(0, -1));
          }}
        />
      </div>
      <span className="field-hint" id="people-tag-hint">
        {t.people.form.tagsHint}
      </span>
    </div>
  );
}
