// The words of the inbox.
import type { Counted, Text } from "./catalogue";

type Words<Key extends string> = Record<Key, Text>;

export interface InboxWords {
  inbox: Words<
    | "title"
    | "nav"
    | "list"
    | "some"
    | "empty"
    | "emptyHint"
    | "none"
    | "noneHint"
    | "clear"
    | "choose"
    | "select"
    | "selectAll"
    | "later"
    | "edited"
    | "working"
    | "readOnly"
    | "away"
    | "back"
    | "keys"
  >;
  filter: Words<"label" | "search" | "risk" | "anyRisk" | "occasion" | "channel" | "campaign" | "sort">;
  risk: Words<"notice" | "warning" | "blocking">;
  sort: Words<"deadline" | "risk">;
  detail: Words<
    | "to"
    | "leaves"
    | "atOnce"
    | "there"
    | "here"
    | "until"
    | "zoneUnknown"
    | "parts"
    | "forced"
    | "cost"
    | "findings"
    | "noFindings"
    | "fields"
    | "subject"
    | "text"
    | "html"
    | "changes"
    | "changesHint"
    | "removed"
    | "added"
    | "person"
    | "language"
    | "segment"
    | "birthday"
    | "company"
    | "position"
    | "tags"
    | "lastSeen"
    | "zone"
    | "consent"
    | "optedIn"
    | "optedOut"
    | "erased"
    | "whole"
    | "decided"
    | "left"
    | "byNobody"
  >;
  deed: Words<"approve" | "edit" | "reject" | "regenerate" | "skip" | "undo">;
  /** What is said once it is done; `{name}` is whom the message is for. */
  done: Words<
    "approve" | "reject" | "edit" | "regenerate" | "skip" | "undone" | "leavesIn" | "leavesAt" | "left"
  >;
  failed: Words<"conflict" | "conflictUnknown" | "late" | "undo" | "blocked" | "nothing">;
  ask: Words<
    | "reject"
    | "rejectHint"
    | "reason"
    | "regenerate"
    | "regenerateHint"
    | "instruction"
    | "override"
    | "overrideHint"
    | "overrideReason"
    | "go"
    | "send"
  >;
  reasons: Words<"tone" | "facts" | "time" | "person">;
  wishes: Words<"shorter" | "warmer" | "formal" | "plain">;
  editor: Words<
    | "subject"
    | "content"
    | "save"
    | "approve"
    | "cancel"
    | "kept"
    | "discard"
    | "first"
    | "newer"
    | "over"
    | "short"
  >;
  bulk: Words<
    | "approve"
    | "reject"
    | "clear"
    | "askApprove"
    | "askReject"
    | "blocked"
    | "clean"
    | "look"
    | "done"
    | "close"
    | "skipped"
    | "refused"
    | "yesApprove"
    | "yesReject"
    | "gone"
  >;
  help: Words<
    | "title"
    | "down"
    | "up"
    | "approve"
    | "edit"
    | "reject"
    | "regenerate"
    | "skip"
    | "undo"
    | "select"
    | "selectAll"
    | "search"
    | "help"
    | "escape"
    | "save"
    | "close"
  >;
  counted: Record<
    | "drafts"
    | "selected"
    | "signs"
    | "parts"
    | "messages"
    | "minutes"
    | "hours"
    | "days"
    | "seconds"
    | "overdueMinutes"
    | "overdueHours"
    | "overdueDays",
    Counted
  >;
}

export const en: InboxWords = {
  inbox: {
    title: "Inbox",
    nav: "Inbox",
    list: "Drafts that wait for a decision",
    some: "The first {n} of {total}; the others follow as you decide.",
    empty: "Nothing waits for a decision",
    emptyHint: "New drafts appear here by themselves.",
    none: "No draft matches these filters",
    noneHint: "{n} wait in all.",
    clear: "Show all",
    choose: "Choose a draft",
    select: "Select {name}",
    selectAll: "Select all that are shown",
    later: "Put off",
    edited: "Edited",
    working: "Under way…",
    readOnly: "You may look at drafts, but not decide about them.",
    away: "The connection is lost. What you see may be old; nothing you wrote is.",
    back: "Inbox",
    keys: "Keys",
  },
  filter: {
    label: "Filters",
    search: "Search texts",
    risk: "Risk",
    anyRisk: "Any risk",
    occasion: "Occasion",
    channel: "Channel",
    campaign: "Campaign",
    sort: "Order",
  },
  risk: { notice: "With findings", warning: "Warnings and graver", blocking: "Blocked" },
  sort: { deadline: "By deadline", risk: "By risk" },
  detail: {
    to: "To",
    leaves: "Leaves",
    atOnce: "As soon as it is approved",
    there: "{at} there",
    here: "{at} by your clock",
    until: "No later than",
    zoneUnknown: "Their time zone is not known",
    parts: "Length",
    forced: "{encoding}, because of “{sign}”",
    cost: "Drafting cost",
    findings: "Findings",
    noFindings: "No findings",
    fields: "In the contact’s data",
    subject: "Subject",
    text: "Text",
    html: "This text has markup and is shown as it is written.",
    changes: "Changed since the first text",
    changesHint: "Struck out was removed, underlined was added.",
    removed: "removed:",
    added: "added:",
    person: "About the person",
    language: "Language",
    segment: "Segment",
    birthday: "Birthday",
    company: "Company",
    position: "Position",
    tags: "Tags",
    lastSeen: "Last contact",
    zone: "Time zone",
    consent: "Consent",
    optedIn: "said yes",
    optedOut: "said no",
    erased: "This person was erased",
    whole: "History and delivery",
    decided: "{deed} by {who}, {at}",
    left: "Nothing is left to decide here.",
    byNobody: "somebody",
  },
  deed: {
    approve: "Approve",
    edit: "Edit",
    reject: "Reject",
    regenerate: "Write anew",
    skip: "Later",
    undo: "Undo",
  },
  done: {
    approve: "Approved: {name}",
    reject: "Rejected: {name}",
    edit: "Saved: {name}",
    regenerate: "Written anew: {name}",
    skip: "Put off: {name}",
    undone: "Taken back: {name}",
    leavesIn: "leaves in {time}",
    leavesAt: "leaves {at}",
    left: "on its way",
  },
  failed: {
    conflict: "{who} was faster: {deed}, {at}.",
    conflictUnknown: "Somebody was faster. This is how it stands now.",
    late: "Too late to take back: it is on its way or has left.",
    undo: "This could not be taken back",
    blocked: "A finding keeps this text from being approved. Edit it, or ask an administrator.",
    nothing: "There is nothing to take back.",
  },
  ask: {
    reject: "Reject this draft?",
    rejectHint: "It will not be sent. The reason stays in its history.",
    reason: "Reason (may be left out)",
    regenerate: "Write it anew?",
    regenerateHint: "The model writes another text, which costs as much as the first. You decide again.",
    instruction: "What is to be different (may be left out)",
    override: "Approve in spite of the findings?",
    overrideHint: "A finding blocks this text. Your reason stays with the approval.",
    overrideReason: "Reason",
    go: "Go back",
    send: "Enter to confirm, Shift+Enter for a new line",
  },
  reasons: {
    tone: "Wrong tone",
    facts: "Not true",
    time: "Not the right time",
    person: "Not for this person",
  },
  wishes: {
    shorter: "Make it shorter",
    warmer: "Make it warmer",
    formal: "Make it more formal",
    plain: "Use plainer words",
  },
  editor: {
    subject: "Subject",
    content: "Text",
    save: "Save",
    approve: "Save and approve",
    cancel: "Go back",
    kept: "Not saved yet",
    discard: "Discard my changes",
    first: "Back to the first text",
    newer: "The draft was changed meanwhile: {who}, {at}. Your text is still here.",
    over: "Go on with my text",
    short: "A text has 10 to 2,000 characters.",
  },
  bulk: {
    approve: "Approve…",
    reject: "Reject…",
    clear: "Select none",
    askApprove: "Approve {n}?",
    askReject: "Reject {n}?",
    blocked: "Blocked by findings, and left as they are: {n}",
    clean: "Guardrails found nothing.",
    look: "Exactly these texts are decided about. Whatever changes meanwhile is left alone.",
    done: "Done: {done} of {all}",
    close: "Close",
    skipped: "Changed meanwhile, left alone",
    refused: "Refused",
    yesApprove: "Approve {n}",
    yesReject: "Reject {n}",
    gone: "No longer in the list",
  },
  help: {
    title: "Keys",
    down: "Next draft",
    up: "Previous draft",
    approve: "Approve",
    edit: "Edit",
    reject: "Reject with a reason",
    regenerate: "Have it written anew",
    skip: "Later: to the end of the list",
    undo: "Take back the last decision",
    select: "Select",
    selectAll: "Select all that are shown",
    search: "Search",
    help: "This help",
    escape: "Close, or select none",
    save: "Save and approve, while editing",
    close: "Close",
  },
  counted: {
    drafts: { one: "{n} draft", other: "{n} drafts" },
    selected: { one: "{n} selected", other: "{n} selected" },
    signs: { one: "{n} character", other: "{n} characters" },
    parts: { one: "{n} SMS part", other: "{n} SMS parts" },
    messages: { one: "{n} message", other: "{n} messages" },
    minutes: { one: "in {n} min", other: "in {n} min" },
    hours: { one: "in {n} h", other: "in {n} h" },
    days: { one: "in {n} day", other: "in {n} days" },
    seconds: { one: "{n} s", other: "{n} s" },
    overdueMinutes: { one: "{n} min ago", other: "{n} min ago" },
    overdueHours: { one: "{n} h ago", other: "{n} h ago" },
    overdueDays: { one: "{n} day ago", other: "{n} days ago" },
  },
};

const same = (text: Text) => ({ one: text, few: text, many: text, other: text });

export const ru: InboxWords = {
  inbox: {
    title: "Входящие",
    nav: "Входящие",
    list: "Черновики, которые ждут решения",
    some: "Первые {n} из {total}; остальные появятся, когда вы решите эти.",
    empty: "Решать пока нечего",
    emptyHint: "Новые черновики появятся здесь сами.",
    none: "Под фильтры ничего не подходит",
    noneHint: "Всего ждут решения: {n}.",
    clear: "Показать все",
    choose: "Выберите черновик",
    select: "Отметить: {name}",
    selectAll: "Отметить все показанные",
    later: "Отложено",
    edited: "Изменено",
    working: "Выполняется…",
    readOnly: "Вы можете смотреть черновики, но не решать о них.",
    away: "Связь потеряна. Показанное могло устареть; написанное вами не пропало.",
    back: "Входящие",
    keys: "Клавиши",
  },
  filter: {
    label: "Фильтры",
    search: "Поиск по текстам",
    risk: "Риск",
    anyRisk: "Любой риск",
    occasion: "Повод",
    channel: "Канал",
    campaign: "Кампания",
    sort: "Порядок",
  },
  risk: { notice: "С замечаниями", warning: "Предупреждения и выше", blocking: "Заблокированные" },
  sort: { deadline: "По сроку", risk: "По риску" },
  detail: {
    to: "Кому",
    leaves: "Уйдёт",
    atOnce: "Сразу после одобрения",
    there: "{at} у получателя",
    here: "{at} у вас",
    until: "Не позже",
    zoneUnknown: "Часовой пояс получателя неизвестен",
    parts: "Длина",
    forced: "{encoding} из-за знака «{sign}»",
    cost: "Стоимость текста",
    findings: "Замечания",
    noFindings: "Замечаний нет",
    fields: "В данных контакта",
    subject: "Тема",
    text: "Текст",
    html: "В тексте есть разметка, он показан как написан.",
    changes: "Изменено с первого текста",
    changesHint: "Зачёркнутое убрано, подчёркнутое добавлено.",
    removed: "убрано:",
    added: "добавлено:",
    person: "О человеке",
    language: "Язык",
    segment: "Сегмент",
    birthday: "День рождения",
    company: "Компания",
    position: "Должность",
    tags: "Метки",
    lastSeen: "Последний контакт",
    zone: "Часовой пояс",
    consent: "Согласие",
    optedIn: "есть",
    optedOut: "отказ",
    erased: "Контакт стёрт",
    whole: "История и доставка",
    decided: "{deed}: {who}, {at}",
    left: "Здесь больше нечего решать.",
    byNobody: "кто-то",
  },
  deed: {
    approve: "Одобрить",
    edit: "Изменить",
    reject: "Отклонить",
    regenerate: "Переписать",
    skip: "Позже",
    undo: "Отменить",
  },
  done: {
    approve: "Одобрено: {name}",
    reject: "Отклонено: {name}",
    edit: "Сохранено: {name}",
    regenerate: "Переписано: {name}",
    skip: "Отложено: {name}",
    undone: "Решение отменено: {name}",
    leavesIn: "уйдёт через {time}",
    leavesAt: "уйдёт {at}",
    left: "отправляется",
  },
  failed: {
    conflict: "{who} успевает раньше: {deed}, {at}.",
    conflictUnknown: "Кто-то успел раньше. Вот как обстоит дело теперь.",
    late: "Отменять поздно: сообщение отправляется или уже ушло.",
    undo: "Отменить не удалось",
    blocked: "Замечание не даёт одобрить текст. Измените его или попросите администратора.",
    nothing: "Отменять нечего.",
  },
  ask: {
    reject: "Отклонить черновик?",
    rejectHint: "Он не будет отправлен. Причина останется в истории.",
    reason: "Причина (не обязательно)",
    regenerate: "Написать заново?",
    regenerateHint: "Модель напишет другой текст за ту же цену. Решать снова вам.",
    instruction: "Что изменить (не обязательно)",
    override: "Одобрить, несмотря на замечания?",
    overrideHint: "Замечание блокирует текст. Ваша причина сохранится вместе с одобрением.",
    overrideReason: "Причина",
    go: "Назад",
    send: "Enter — подтвердить, Shift+Enter — новая строка",
  },
  reasons: {
    tone: "Не тот тон",
    facts: "Неправда",
    time: "Не вовремя",
    person: "Не для этого человека",
  },
  wishes: {
    shorter: "Сделай короче",
    warmer: "Сделай теплее",
    formal: "Сделай официальнее",
    plain: "Пиши проще",
  },
  editor: {
    subject: "Тема",
    content: "Текст",
    save: "Сохранить",
    approve: "Сохранить и одобрить",
    cancel: "Назад",
    kept: "Ещё не сохранено",
    discard: "Отбросить мои правки",
    first: "Вернуть первый текст",
    newer: "Черновик тем временем изменился: {who}, {at}. Ваш текст на месте.",
    over: "Продолжить с моим текстом",
    short: "В тексте должно быть от 10 до 2000 знаков.",
  },
  bulk: {
    approve: "Одобрить…",
    reject: "Отклонить…",
    clear: "Снять отметки",
    askApprove: "Одобрить {n}?",
    askReject: "Отклонить {n}?",
    blocked: "Заблокированы замечаниями и останутся как есть: {n}",
    clean: "Замечаний нет.",
    look: "Решение касается именно этих текстов. Что тем временем изменится, останется нетронутым.",
    done: "Готово: {done} из {all}",
    close: "Закрыть",
    skipped: "Изменилось тем временем, не тронуто",
    refused: "Отказано",
    yesApprove: "Одобрить: {n}",
    yesReject: "Отклонить: {n}",
    gone: "Уже не в списке",
  },
  help: {
    title: "Клавиши",
    down: "Следующий черновик",
    up: "Предыдущий черновик",
    approve: "Одобрить",
    edit: "Изменить",
    reject: "Отклонить с причиной",
    regenerate: "Написать заново",
    skip: "Позже: в конец списка",
    undo: "Отменить последнее решение",
    select: "Отметить",
    selectAll: "Отметить все показанные",
    search: "Поиск",
    help: "Эта справка",
    escape: "Закрыть или снять отметки",
    save: "При правке: сохранить и одобрить",
    close: "Закрыть",
  },
  counted: {
    drafts: {
      one: "{n} черновик",
      few: "{n} черновика",
      many: "{n} черновиков",
      other: "{n} черновика",
    },
    selected: {
      one: "Отмечен {n}",
      few: "Отмечено {n}",
      many: "Отмечено {n}",
      other: "Отмечено {n}",
    },
    signs: { one: "{n} знак", few: "{n} знака", many: "{n} знаков", other: "{n} знака" },
    parts: { one: "{n} часть SMS", few: "{n} части SMS", many: "{n} частей SMS", other: "{n} части SMS" },
    messages: {
      one: "{n} сообщение",
      few: "{n} сообщения",
      many: "{n} сообщений",
      other: "{n} сообщения",
    },
    minutes: same("через {n} мин"),
    hours: same("через {n} ч"),
    days: { one: "через {n} день", few: "через {n} дня", many: "через {n} дней", other: "через {n} дня" },
    seconds: same("{n} с"),
    overdueMinutes: same("{n} мин назад"),
    overdueHours: same("{n} ч назад"),
    overdueDays: {
      one: "{n} день назад",
      few: "{n} дня назад",
      many: "{n} дней назад",
      other: "{n} дня назад",
    },
  },
};

export const uzLatn: InboxWords = {
  inbox: {
    title: "Qaror kutayotganlar",
    nav: "Qarorlar",
    list: "Qaror kutayotgan qoralamalar",
    some: "{total} tadan birinchi {n} tasi; qolganlari qaror qilganingiz sari chiqadi.",
    empty: "Qaror kutayotgan qoralama yoʻq",
    emptyHint: "Yangi qoralamalar shu yerda oʻzi paydo boʻladi.",
    none: "Bu filtrlarga mos qoralama yoʻq",
    noneHint: "Jami {n} ta qaror kutmoqda.",
    clear: "Hammasini koʻrsatish",
    choose: "Qoralamani tanlang",
    select: "Belgilash: {name}",
    selectAll: "Koʻringanlarning hammasini belgilash",
    later: "Keyinga qoldirilgan",
    edited: "Tahrirlangan",
    working: "Bajarilmoqda…",
    readOnly: "Siz qoralamalarni koʻra olasiz, ammo ular haqida qaror qila olmaysiz.",
    away: "Aloqa uzildi. Koʻrinib turgani eskirgan boʻlishi mumkin, yozganingiz esa joyida.",
    back: "Qarorlar",
    keys: "Tugmalar",
  },
  filter: {
    label: "Filtrlar",
    search: "Matnlardan qidirish",
    risk: "Xavf",
    anyRisk: "Har qanday xavf",
    occasion: "Sabab",
    channel: "Kanal",
    campaign: "Kampaniya",
    sort: "Tartib",
  },
  risk: { notice: "Izohli", warning: "Ogohlantirish va yuqori", blocking: "Toʻsilgan" },
  sort: { deadline: "Muddat boʻyicha", risk: "Xavf boʻyicha" },
  detail: {
    to: "Kimga",
    leaves: "Ketadi",
    atOnce: "Tasdiqlangan zahoti",
    there: "U yerda {at}",
    here: "Sizda {at}",
    until: "Kechi bilan",
    zoneUnknown: "Oluvchining vaqt mintaqasi nomaʼlum",
    parts: "Uzunligi",
    forced: "{encoding}, “{sign}” belgisi tufayli",
    cost: "Matn narxi",
    findings: "Izohlar",
    noFindings: "Izoh yoʻq",
    fields: "Kontakt maʼlumotlarida",
    subject: "Mavzu",
    text: "Matn",
    html: "Matnda belgilash bor, u yozilganidek koʻrsatilgan.",
    changes: "Birinchi matndan beri oʻzgargani",
    changesHint: "Ustidan chizilgani olib tashlangan, tagiga chizilgani qoʻshilgan.",
    removed: "olib tashlandi:",
    added: "qoʻshildi:",
    person: "Inson haqida",
    language: "Til",
    segment: "Segment",
    birthday: "Tugʻilgan kun",
    company: "Kompaniya",
    position: "Lavozim",
    tags: "Teglar",
    lastSeen: "Oxirgi muloqot",
    zone: "Vaqt mintaqasi",
    consent: "Rozilik",
    optedIn: "bor",
    optedOut: "rad etgan",
    erased: "Kontakt oʻchirilgan",
    whole: "Tarix va yetkazish",
    decided: "{deed}: {who}, {at}",
    left: "Bu yerda hal qiladigan narsa qolmadi.",
    byNobody: "kimdir",
  },
  deed: {
    approve: "Tasdiqlash",
    edit: "Tahrirlash",
    reject: "Rad etish",
    regenerate: "Qayta yozdirish",
    skip: "Keyinroq",
    undo: "Qaytarish",
  },
  done: {
    approve: "Tasdiqlandi: {name}",
    reject: "Rad etildi: {name}",
    edit: "Saqlandi: {name}",
    regenerate: "Qayta yozildi: {name}",
    skip: "Keyinga qoldirildi: {name}",
    undone: "Qaror qaytarildi: {name}",
    leavesIn: "{time}dan keyin ketadi",
    leavesAt: "{at} da ketadi",
    left: "yoʻlda",
  },
  failed: {
    conflict: "{who} oldinroq ulgurdi: {deed}, {at}.",
    conflictUnknown: "Kimdir oldinroq ulgurdi. Hozirgi holati shunday.",
    late: "Qaytarishga kech: xabar yoʻlda yoki ketib boʻlgan.",
    undo: "Qaytarib boʻlmadi",
    blocked: "Izoh tufayli matnni tasdiqlab boʻlmaydi. Tahrirlang yoki administratordan soʻrang.",
    nothing: "Qaytaradigan narsa yoʻq.",
  },
  ask: {
    reject: "Qoralama rad etilsinmi?",
    rejectHint: "U yuborilmaydi. Sababi tarixda qoladi.",
    reason: "Sababi (shart emas)",
    regenerate: "Qayta yozdirilsinmi?",
    regenerateHint: "Model boshqa matn yozadi, narxi birinchisidek. Qarorni yana siz qilasiz.",
    instruction: "Nima oʻzgarsin (shart emas)",
    override: "Izohlarga qaramay tasdiqlansinmi?",
    overrideHint: "Izoh bu matnni toʻsib turibdi. Sababingiz tasdiq bilan birga saqlanadi.",
    overrideReason: "Sababi",
    go: "Orqaga",
    send: "Enter: tasdiqlash, Shift+Enter: yangi qator",
  },
  reasons: {
    tone: "Ohangi toʻgʻri kelmaydi",
    facts: "Haqiqatga toʻgʻri kelmaydi",
    time: "Vaqti emas",
    person: "Bu inson uchun emas",
  },
  wishes: {
    shorter: "Qisqaroq yoz",
    warmer: "Iliqroq yoz",
    formal: "Rasmiyroq yoz",
    plain: "Soddaroq yoz",
  },
  editor: {
    subject: "Mavzu",
    content: "Matn",
    save: "Saqlash",
    approve: "Saqlab tasdiqlash",
    cancel: "Orqaga",
    kept: "Hali saqlanmagan",
    discard: "Oʻzgarishlarimni tashlab yuborish",
    first: "Birinchi matnga qaytish",
    newer: "Qoralama shu orada oʻzgardi: {who}, {at}. Matningiz joyida.",
    over: "Oʻz matnim bilan davom etish",
    short: "Matnda 10 tadan 2000 tagacha belgi boʻladi.",
  },
  bulk: {
    approve: "Tasdiqlash…",
    reject: "Rad etish…",
    clear: "Belgilarni olish",
    askApprove: "{n} tasdiqlansinmi?",
    askReject: "{n} rad etilsinmi?",
    blocked: "Izohlar toʻsgan, shu holicha qoladi: {n}",
    clean: "Hech qanday izoh yoʻq.",
    look: "Qaror aynan shu matnlarga tegishli. Shu orada oʻzgargani tegilmay qoladi.",
    done: "Bajarildi: {all} tadan {done} tasi",
    close: "Yopish",
    skipped: "Shu orada oʻzgargan, tegilmadi",
    refused: "Rad javobi berildi",
    yesApprove: "Tasdiqlash: {n}",
    yesReject: "Rad etish: {n}",
    gone: "Endi roʻyxatda yoʻq",
  },
  help: {
    title: "Tugmalar",
    down: "Keyingi qoralama",
    up: "Oldingi qoralama",
    approve: "Tasdiqlash",
    edit: "Tahrirlash",
    reject: "Sababi bilan rad etish",
    regenerate: "Qayta yozdirish",
    skip: "Keyinroq: roʻyxat oxiriga",
    undo: "Oxirgi qarorni qaytarish",
    select: "Belgilash",
    selectAll: "Koʻringanlarning hammasini belgilash",
    search: "Qidirish",
    help: "Shu yordam",
    escape: "Yopish yoki belgilarni olish",
    save: "Tahrirda: saqlab tasdiqlash",
    close: "Yopish",
  },
  counted: {
    drafts: { other: "{n} ta qoralama" },
    selected: { other: "{n} tanlandi" },
    signs: { other: "{n} ta belgi" },
    parts: { other: "{n} qism SMS" },
    messages: { other: "{n} ta xabar" },
    minutes: { other: "{n} daqiqadan keyin" },
    hours: { other: "{n} soatdan keyin" },
    days: { other: "{n} kundan keyin" },
    seconds: { other: "{n} soniya" },
    overdueMinutes: { other: "{n} daqiqa oldin" },
    overdueHours: { other: "{n} soat oldin" },
    overdueDays: { other: "{n} kun oldin" },
  },
};

export const uzCyrl: InboxWords = {
  inbox: {
    title: "Қарор кутаётганлар",
    nav: "Қарорлар",
    list: "Қарор кутаётган қораламалар",
    some: "{total} тадан биринчи {n} таси; қолганлари қарор қилганингиз сари чиқади.",
    empty: "Қарор кутаётган қоралама йўқ",
    emptyHint: "Янги қораламалар шу ерда ўзи пайдо бўлади.",
    none: "Бу фильтрларга мос қоралама йўқ",
    noneHint: "Жами {n} та қарор кутмоқда.",
    clear: "Ҳаммасини кўрсатиш",
    choose: "Қораламани танланг",
    select: "Белгилаш: {name}",
    selectAll: "Кўринганларнинг ҳаммасини белгилаш",
    later: "Кейинга қолдирилган",
    edited: "Таҳрирланган",
    working: "Бажарилмоқда…",
    readOnly: "Сиз қораламаларни кўра оласиз, аммо улар ҳақида қарор қила олмайсиз.",
    away: "Алоқа узилди. Кўриниб тургани эскирган бўлиши мумкин, ёзганингиз эса жойида.",
    back: "Қарорлар",
    keys: "Тугмалар",
  },
  filter: {
    label: "Фильтрлар",
    search: "Матнлардан қидириш",
    risk: "Хавф",
    anyRisk: "Ҳар қандай хавф",
    occasion: "Сабаб",
    channel: "Канал",
    campaign: "Кампания",
    sort: "Тартиб",
  },
  risk: { notice: "Изоҳли", warning: "Огоҳлантириш ва юқори", blocking: "Тўсилган" },
  sort: { deadline: "Муддат бўйича", risk: "Хавф бўйича" },
  detail: {
    to: "Кимга",
    leaves: "Кетади",
    atOnce: "Тасдиқланган заҳоти",
    there: "У ерда {at}",
    here: "Сизда {at}",
    until: "Кечи билан",
    zoneUnknown: "Олувчининг вақт минтақаси номаълум",
    parts: "Узунлиги",
    forced: "{encoding}, «{sign}» белгиси туфайли",
    cost: "Матн нархи",
    findings: "Изоҳлар",
    noFindings: "Изоҳ йўқ",
    fields: "Контакт маълумотларида",
    subject: "Мавзу",
    text: "Матн",
    html: "Матнда белгилаш бор, у ёзилганидек кўрсатилган.",
    changes: "Биринчи матндан бери ўзгаргани",
    changesHint: "Устидан чизилгани олиб ташланган, тагига чизилгани қўшилган.",
    removed: "олиб ташланди:",
    added: "қўшилди:",
    person: "Инсон ҳақида",
    language: "Тил",
    segment: "Сегмент",
    birthday: "Туғилган кун",
    company: "Компания",
    position: "Лавозим",
    tags: "Теглар",
    lastSeen: "Охирги мулоқот",
    zone: "Вақт минтақаси",
    consent: "Розилик",
    optedIn: "бор",
    optedOut: "рад этган",
    erased: "Контакт ўчирилган",
    whole: "Тарих ва етказиш",
    decided: "{deed}: {who}, {at}",
    left: "Бу ерда ҳал қиладиган нарса қолмади.",
    byNobody: "кимдир",
  },
  deed: {
    approve: "Тасдиқлаш",
    edit: "Таҳрирлаш",
    reject: "Рад этиш",
    regenerate: "Қайта ёздириш",
    skip: "Кейинроқ",
    undo: "Қайтариш",
  },
  done: {
    approve: "Тасдиқланди: {name}",
    reject: "Рад этилди: {name}",
    edit: "Сақланди: {name}",
    regenerate: "Қайта ёзилди: {name}",
    skip: "Кейинга қолдирилди: {name}",
    undone: "Қарор қайтарилди: {name}",
    leavesIn: "{time}дан кейин кетади",
    leavesAt: "{at} да кетади",
    left: "йўлда",
  },
  failed: {
    conflict: "{who} олдинроқ улгурди: {deed}, {at}.",
    conflictUnknown: "Кимдир олдинроқ улгурди. Ҳозирги ҳолати шундай.",
    late: "Қайтаришга кеч: хабар йўлда ёки кетиб бўлган.",
    undo: "Қайтариб бўлмади",
    blocked: "Изоҳ туфайли матнни тасдиқлаб бўлмайди. Таҳрирланг ёки администратордан сўранг.",
    nothing: "Қайтарадиган нарса йўқ.",
  },
  ask: {
    reject: "Қоралама рад этилсинми?",
    rejectHint: "У юборилмайди. Сабаби тарихда қолади.",
    reason: "Сабаби (шарт эмас)",
    regenerate: "Қайта ёздирилсинми?",
    regenerateHint: "Модель бошқа матн ёзади, нархи биринчисидек. Қарорни яна сиз қиласиз.",
    instruction: "Нима ўзгарсин (шарт эмас)",
    override: "Изоҳларга қарамай тасдиқлансинми?",
    overrideHint: "Изоҳ бу матнни тўсиб турибди. Сабабингиз тасдиқ билан бирга сақланади.",
    overrideReason: "Сабаби",
    go: "Орқага",
    send: "Enter: тасдиқлаш, Shift+Enter: янги қатор",
  },
  reasons: {
    tone: "Оҳанги тўғри келмайди",
    facts: "Ҳақиқатга тўғри келмайди",
    time: "Вақти эмас",
    person: "Бу инсон учун эмас",
  },
  wishes: {
    shorter: "Қисқароқ ёз",
    warmer: "Илиқроқ ёз",
    formal: "Расмийроқ ёз",
    plain: "Соддароқ ёз",
  },
  editor: {
    subject: "Мавзу",
    content: "Матн",
    save: "Сақлаш",
    approve: "Сақлаб тасдиқлаш",
    cancel: "Орқага",
    kept: "Ҳали сақланмаган",
    discard: "Ўзгаришларимни ташлаб юбориш",
    first: "Биринчи матнга қайтиш",
    newer: "Қоралама шу орада ўзгарди: {who}, {at}. Матнингиз жойида.",
    over: "Ўз матним билан давом этиш",
    short: "Матнда 10 тадан 2000 тагача белги бўлади.",
  },
  bulk: {
    approve: "Тасдиқлаш…",
    reject: "Рад этиш…",
    clear: "Белгиларни олиш",
    askApprove: "{n} тасдиқлансинми?",
    askReject: "{n} рад этилсинми?",
    blocked: "Изоҳлар тўсган, шу ҳолича қолади: {n}",
    clean: "Ҳеч қандай изоҳ йўқ.",
    look: "Қарор айнан шу матнларга тегишли. Шу орада ўзгаргани тегилмай қолади.",
    done: "Бажарилди: {all} тадан {done} таси",
    close: "Ёпиш",
    skipped: "Шу орада ўзгарган, тегилмади",
    refused: "Рад жавоби берилди",
    yesApprove: "Тасдиқлаш: {n}",
    yesReject: "Рад этиш: {n}",
    gone: "Энди рўйхатда йўқ",
  },
  help: {
    title: "Тугмалар",
    down: "Кейинги қоралама",
    up: "Олдинги қоралама",
    approve: "Тасдиқлаш",
    edit: "Таҳрирлаш",
    reject: "Сабаби билан рад этиш",
    regenerate: "Қайта ёздириш",
    skip: "Кейинроқ: рўйхат охирига",
    undo: "Охирги қарорни қайтариш",
    select: "Белгилаш",
    selectAll: "Кўринганларнинг ҳаммасини белгилаш",
    search: "Қидириш",
    help: "Шу ёрдам",
    escape: "Ёпиш ёки белгиларни олиш",
    save: "Таҳрирда: сақлаб тасдиқлаш",
    close: "Ёпиш",
  },
  counted: {
    drafts: { other: "{n} та қоралама" },
    selected: { other: "{n} танланди" },
    signs: { other: "{n} та белги" },
    parts: { other: "{n} қисм SMS" },
    messages: { other: "{n} та хабар" },
    minutes: { other: "{n} дақиқадан кейин" },
    hours: { other: "{n} соатдан кейин" },
    days: { other: "{n} кундан кейин" },
    seconds: { other: "{n} сония" },
    overdueMinutes: { other: "{n} дақиқа олдин" },
    overdueHours: { other: "{n} соат олдин" },
    overdueDays: { other: "{n} кун олдин" },
  },
};
