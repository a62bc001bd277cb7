_hale() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="hale"
                ;;
            hale,check-config)
                cmd="hale__subcmd__check__subcmd__config"
                ;;
            hale,check-host)
                cmd="hale__subcmd__check__subcmd__host"
                ;;
            hale,check-sandbox)
                cmd="hale__subcmd__check__subcmd__sandbox"
                ;;
            hale,cluster)
                cmd="hale__subcmd__cluster"
                ;;
            hale,config)
                cmd="hale__subcmd__config"
                ;;
            hale,explain)
                cmd="hale__subcmd__explain"
                ;;
            hale,geodb)
                cmd="hale__subcmd__geodb"
                ;;
            hale,help)
                cmd="hale__subcmd__help"
                ;;
            hale,import)
                cmd="hale__subcmd__import"
                ;;
            hale,kick)
                cmd="hale__subcmd__kick"
                ;;
            hale,listener)
                cmd="hale__subcmd__listener"
                ;;
            hale,reload)
                cmd="hale__subcmd__reload"
                ;;
            hale,run)
                cmd="hale__subcmd__run"
                ;;
            hale,status)
                cmd="hale__subcmd__status"
                ;;
            hale,top)
                cmd="hale__subcmd__top"
                ;;
            hale,trace)
                cmd="hale__subcmd__trace"
                ;;
            hale,who)
                cmd="hale__subcmd__who"
                ;;
            hale__subcmd__cluster,backend)
                cmd="hale__subcmd__cluster__subcmd__backend"
                ;;
            hale__subcmd__cluster,geodb)
                cmd="hale__subcmd__cluster__subcmd__geodb"
                ;;
            hale__subcmd__cluster,group)
                cmd="hale__subcmd__cluster__subcmd__group"
                ;;
            hale__subcmd__cluster,help)
                cmd="hale__subcmd__cluster__subcmd__help"
                ;;
            hale__subcmd__cluster,kick)
                cmd="hale__subcmd__cluster__subcmd__kick"
                ;;
            hale__subcmd__cluster,localdb)
                cmd="hale__subcmd__cluster__subcmd__localdb"
                ;;
            hale__subcmd__cluster,site)
                cmd="hale__subcmd__cluster__subcmd__site"
                ;;
            hale__subcmd__cluster,tag)
                cmd="hale__subcmd__cluster__subcmd__tag"
                ;;
            hale__subcmd__cluster,user)
                cmd="hale__subcmd__cluster__subcmd__user"
                ;;
            hale__subcmd__cluster__subcmd__backend,add)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__add"
                ;;
            hale__subcmd__cluster__subcmd__backend,evacuate)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__evacuate"
                ;;
            hale__subcmd__cluster__subcmd__backend,force-move)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__backend,help)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__backend,list)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__backend,pin)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__pin"
                ;;
            hale__subcmd__cluster__subcmd__backend,remove)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__backend,status)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__backend,unpin)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__unpin"
                ;;
            hale__subcmd__cluster__subcmd__backend,update)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move,help)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move,start)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__start"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move,stop)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__stop"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move,update)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help,start)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help__subcmd__start"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help,stop)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help__subcmd__stop"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help,update)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,add)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__add"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,evacuate)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__evacuate"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,force-move)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,list)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,pin)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__pin"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,remove)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,status)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,unpin)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__unpin"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help,update)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move,start)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move__subcmd__start"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move,stop)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move__subcmd__stop"
                ;;
            hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move,update)
                cmd="hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__geodb,copy)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__copy"
                ;;
            hale__subcmd__cluster__subcmd__geodb,help)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__geodb,init)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__init"
                ;;
            hale__subcmd__cluster__subcmd__geodb,refresh)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__refresh"
                ;;
            hale__subcmd__cluster__subcmd__geodb,show)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__show"
                ;;
            hale__subcmd__cluster__subcmd__geodb__subcmd__help,copy)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__copy"
                ;;
            hale__subcmd__cluster__subcmd__geodb__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__geodb__subcmd__help,init)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__init"
                ;;
            hale__subcmd__cluster__subcmd__geodb__subcmd__help,refresh)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__refresh"
                ;;
            hale__subcmd__cluster__subcmd__geodb__subcmd__help,show)
                cmd="hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__show"
                ;;
            hale__subcmd__cluster__subcmd__group,help)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__group,list)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__group,move)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__group,status)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__group,update)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__group__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__group__subcmd__help,list)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__group__subcmd__help,move)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__group__subcmd__help,status)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__group__subcmd__help,update)
                cmd="hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__help,backend)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend"
                ;;
            hale__subcmd__cluster__subcmd__help,geodb)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__geodb"
                ;;
            hale__subcmd__cluster__subcmd__help,group)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__group"
                ;;
            hale__subcmd__cluster__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__help,kick)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__kick"
                ;;
            hale__subcmd__cluster__subcmd__help,localdb)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb"
                ;;
            hale__subcmd__cluster__subcmd__help,site)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site"
                ;;
            hale__subcmd__cluster__subcmd__help,tag)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__tag"
                ;;
            hale__subcmd__cluster__subcmd__help,user)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__user"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,add)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__add"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,evacuate)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__evacuate"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,force-move)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,list)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,pin)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__pin"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,remove)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,status)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,unpin)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__unpin"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend,update)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move,start)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move__subcmd__start"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move,stop)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move__subcmd__stop"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move,update)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__geodb,copy)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__geodb__subcmd__copy"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__geodb,init)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__geodb__subcmd__init"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__geodb,refresh)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__geodb__subcmd__refresh"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__geodb,show)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__geodb__subcmd__show"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__group,list)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__group__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__group,move)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__group__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__group,status)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__group__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__group,update)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__group__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__localdb,group)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__localdb,user)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group,list)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group,remove)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group,status)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user,list)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user,remove)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user,status)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,add)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__add"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,force-move)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,init)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__init"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,list)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,reachability)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__reachability"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,recover)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__recover"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,remove)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,status)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site,update)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move,start)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move__subcmd__start"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move,stop)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move__subcmd__stop"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move,update)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__reachability,list)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__reachability__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__tag,create)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__tag__subcmd__create"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__tag,delete)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__tag__subcmd__delete"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__tag,list)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__tag__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__tag,update)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__tag__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__user,access)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__access"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__user,delete)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__delete"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__user,list)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__user,move)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__help__subcmd__user,status)
                cmd="hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__localdb,group)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group"
                ;;
            hale__subcmd__cluster__subcmd__localdb,help)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__localdb,user)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__group,help)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__group,list)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__group,remove)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__group,status)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help,list)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help,remove)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help,status)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help,group)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help,user)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group,list)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group,remove)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group,status)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user,list)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user,remove)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user,status)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__user,help)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__user,list)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__user,remove)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__user,status)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help,list)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help,remove)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help,status)
                cmd="hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__site,add)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__add"
                ;;
            hale__subcmd__cluster__subcmd__site,force-move)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__site,help)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__site,init)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__init"
                ;;
            hale__subcmd__cluster__subcmd__site,list)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__site,reachability)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__reachability"
                ;;
            hale__subcmd__cluster__subcmd__site,recover)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__recover"
                ;;
            hale__subcmd__cluster__subcmd__site,remove)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__site,status)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__site,update)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move,help)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move,start)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__start"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move,stop)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__stop"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move,update)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help,start)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help__subcmd__start"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help,stop)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help__subcmd__stop"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help,update)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,add)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__add"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,force-move)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,init)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__init"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,list)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,reachability)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__reachability"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,recover)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__recover"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,remove)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__remove"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,status)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help,update)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move,start)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move__subcmd__start"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move,stop)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move__subcmd__stop"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move,update)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__reachability,list)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__reachability__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__reachability,help)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__reachability,list)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__help,list)
                cmd="hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__tag,create)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__create"
                ;;
            hale__subcmd__cluster__subcmd__tag,delete)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__delete"
                ;;
            hale__subcmd__cluster__subcmd__tag,help)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__tag,list)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__tag,remove)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__delete"
                ;;
            hale__subcmd__cluster__subcmd__tag,update)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__tag__subcmd__help,create)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__create"
                ;;
            hale__subcmd__cluster__subcmd__tag__subcmd__help,delete)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__delete"
                ;;
            hale__subcmd__cluster__subcmd__tag__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__tag__subcmd__help,list)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__tag__subcmd__help,update)
                cmd="hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__update"
                ;;
            hale__subcmd__cluster__subcmd__user,access)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__access"
                ;;
            hale__subcmd__cluster__subcmd__user,delete)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__delete"
                ;;
            hale__subcmd__cluster__subcmd__user,help)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__user,list)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__user,move)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__user,status)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__status"
                ;;
            hale__subcmd__cluster__subcmd__user__subcmd__help,access)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__access"
                ;;
            hale__subcmd__cluster__subcmd__user__subcmd__help,delete)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__delete"
                ;;
            hale__subcmd__cluster__subcmd__user__subcmd__help,help)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__cluster__subcmd__user__subcmd__help,list)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__cluster__subcmd__user__subcmd__help,move)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__move"
                ;;
            hale__subcmd__cluster__subcmd__user__subcmd__help,status)
                cmd="hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__status"
                ;;
            hale__subcmd__geodb,copy)
                cmd="hale__subcmd__geodb__subcmd__copy"
                ;;
            hale__subcmd__geodb,help)
                cmd="hale__subcmd__geodb__subcmd__help"
                ;;
            hale__subcmd__geodb,init)
                cmd="hale__subcmd__geodb__subcmd__init"
                ;;
            hale__subcmd__geodb,refresh)
                cmd="hale__subcmd__geodb__subcmd__refresh"
                ;;
            hale__subcmd__geodb,show)
                cmd="hale__subcmd__geodb__subcmd__show"
                ;;
            hale__subcmd__geodb__subcmd__help,copy)
                cmd="hale__subcmd__geodb__subcmd__help__subcmd__copy"
                ;;
            hale__subcmd__geodb__subcmd__help,help)
                cmd="hale__subcmd__geodb__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__geodb__subcmd__help,init)
                cmd="hale__subcmd__geodb__subcmd__help__subcmd__init"
                ;;
            hale__subcmd__geodb__subcmd__help,refresh)
                cmd="hale__subcmd__geodb__subcmd__help__subcmd__refresh"
                ;;
            hale__subcmd__geodb__subcmd__help,show)
                cmd="hale__subcmd__geodb__subcmd__help__subcmd__show"
                ;;
            hale__subcmd__help,check-config)
                cmd="hale__subcmd__help__subcmd__check__subcmd__config"
                ;;
            hale__subcmd__help,check-host)
                cmd="hale__subcmd__help__subcmd__check__subcmd__host"
                ;;
            hale__subcmd__help,check-sandbox)
                cmd="hale__subcmd__help__subcmd__check__subcmd__sandbox"
                ;;
            hale__subcmd__help,cluster)
                cmd="hale__subcmd__help__subcmd__cluster"
                ;;
            hale__subcmd__help,config)
                cmd="hale__subcmd__help__subcmd__config"
                ;;
            hale__subcmd__help,explain)
                cmd="hale__subcmd__help__subcmd__explain"
                ;;
            hale__subcmd__help,geodb)
                cmd="hale__subcmd__help__subcmd__geodb"
                ;;
            hale__subcmd__help,help)
                cmd="hale__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__help,import)
                cmd="hale__subcmd__help__subcmd__import"
                ;;
            hale__subcmd__help,kick)
                cmd="hale__subcmd__help__subcmd__kick"
                ;;
            hale__subcmd__help,listener)
                cmd="hale__subcmd__help__subcmd__listener"
                ;;
            hale__subcmd__help,reload)
                cmd="hale__subcmd__help__subcmd__reload"
                ;;
            hale__subcmd__help,run)
                cmd="hale__subcmd__help__subcmd__run"
                ;;
            hale__subcmd__help,status)
                cmd="hale__subcmd__help__subcmd__status"
                ;;
            hale__subcmd__help,top)
                cmd="hale__subcmd__help__subcmd__top"
                ;;
            hale__subcmd__help,trace)
                cmd="hale__subcmd__help__subcmd__trace"
                ;;
            hale__subcmd__help,who)
                cmd="hale__subcmd__help__subcmd__who"
                ;;
            hale__subcmd__help__subcmd__cluster,backend)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend"
                ;;
            hale__subcmd__help__subcmd__cluster,geodb)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__geodb"
                ;;
            hale__subcmd__help__subcmd__cluster,group)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__group"
                ;;
            hale__subcmd__help__subcmd__cluster,kick)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__kick"
                ;;
            hale__subcmd__help__subcmd__cluster,localdb)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb"
                ;;
            hale__subcmd__help__subcmd__cluster,site)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site"
                ;;
            hale__subcmd__help__subcmd__cluster,tag)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__tag"
                ;;
            hale__subcmd__help__subcmd__cluster,user)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__user"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,add)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__add"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,evacuate)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__evacuate"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,force-move)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,list)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,pin)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__pin"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,remove)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__remove"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,status)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__status"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,unpin)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__unpin"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend,update)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__update"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move,start)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__start"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move,stop)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__stop"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move,update)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__update"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__geodb,copy)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__geodb__subcmd__copy"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__geodb,init)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__geodb__subcmd__init"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__geodb,refresh)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__geodb__subcmd__refresh"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__geodb,show)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__geodb__subcmd__show"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__group,list)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__group__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__group,move)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__group__subcmd__move"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__group,status)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__group__subcmd__status"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__group,update)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__group__subcmd__update"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__localdb,group)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__localdb,user)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group,list)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group,remove)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__remove"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group,status)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__status"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user,list)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user,remove)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__remove"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user,status)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__status"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,add)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__add"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,force-move)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,init)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__init"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,list)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,reachability)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__reachability"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,recover)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__recover"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,remove)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__remove"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,status)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__status"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site,update)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__update"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move,start)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__start"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move,stop)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__stop"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move,update)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__update"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__reachability,list)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__tag,create)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__tag__subcmd__create"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__tag,delete)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__tag__subcmd__delete"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__tag,list)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__tag__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__tag,update)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__tag__subcmd__update"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__user,access)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__access"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__user,delete)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__delete"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__user,list)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__user,move)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__move"
                ;;
            hale__subcmd__help__subcmd__cluster__subcmd__user,status)
                cmd="hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__status"
                ;;
            hale__subcmd__help__subcmd__geodb,copy)
                cmd="hale__subcmd__help__subcmd__geodb__subcmd__copy"
                ;;
            hale__subcmd__help__subcmd__geodb,init)
                cmd="hale__subcmd__help__subcmd__geodb__subcmd__init"
                ;;
            hale__subcmd__help__subcmd__geodb,refresh)
                cmd="hale__subcmd__help__subcmd__geodb__subcmd__refresh"
                ;;
            hale__subcmd__help__subcmd__geodb,show)
                cmd="hale__subcmd__help__subcmd__geodb__subcmd__show"
                ;;
            hale__subcmd__help__subcmd__listener,drain)
                cmd="hale__subcmd__help__subcmd__listener__subcmd__drain"
                ;;
            hale__subcmd__help__subcmd__listener,list)
                cmd="hale__subcmd__help__subcmd__listener__subcmd__list"
                ;;
            hale__subcmd__help__subcmd__listener,resume)
                cmd="hale__subcmd__help__subcmd__listener__subcmd__resume"
                ;;
            hale__subcmd__listener,drain)
                cmd="hale__subcmd__listener__subcmd__drain"
                ;;
            hale__subcmd__listener,help)
                cmd="hale__subcmd__listener__subcmd__help"
                ;;
            hale__subcmd__listener,list)
                cmd="hale__subcmd__listener__subcmd__list"
                ;;
            hale__subcmd__listener,resume)
                cmd="hale__subcmd__listener__subcmd__resume"
                ;;
            hale__subcmd__listener__subcmd__help,drain)
                cmd="hale__subcmd__listener__subcmd__help__subcmd__drain"
                ;;
            hale__subcmd__listener__subcmd__help,help)
                cmd="hale__subcmd__listener__subcmd__help__subcmd__help"
                ;;
            hale__subcmd__listener__subcmd__help,list)
                cmd="hale__subcmd__listener__subcmd__help__subcmd__list"
                ;;
            hale__subcmd__listener__subcmd__help,resume)
                cmd="hale__subcmd__listener__subcmd__help__subcmd__resume"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        hale)
            opts="-c -f -h -V --config --format --help --version run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__check__subcmd__config)
            opts="-c -f -h --connect --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__check__subcmd__host)
            opts="-c -f -h --sessions --print --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --sessions)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --print)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__check__subcmd__sandbox)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster)
            opts="-c -f -h --config --format --help tag site backend group user geodb localdb kick help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend)
            opts="-c -f -h --config --format --help add remove update evacuate status list force-move pin unpin help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__add)
            opts="-c -f -h --id --site --self --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --id)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --site)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__evacuate)
            opts="-c -f -h --reason --self --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move)
            opts="-c -f -h --config --format --help start update stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help)
            opts="start update stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__help__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__start)
            opts="-c -f -h --id --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --id)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__stop)
            opts="-c -f -h --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__update)
            opts="-c -f -h --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help)
            opts="add remove update evacuate status list force-move pin unpin help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__evacuate)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move)
            opts="start update stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__force__subcmd__move__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__pin)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__unpin)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__help__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__list)
            opts="-c -f -h --site --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --site)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__pin)
            opts="-c -f -h --list --site --for --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --site)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --for)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__remove)
            opts="-c -f -h --self --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__status)
            opts="-c -f -h --self --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__unpin)
            opts="-c -f -h --site --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --site)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__backend__subcmd__update)
            opts="-c -f -h --status --load-factor --connections-max --reason --self --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --status)
                    COMPREPLY=($(compgen -W "online offline standby" -- "${cur}"))
                    return 0
                    ;;
                --load-factor)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --connections-max)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb)
            opts="-c -f -h --config --format --help init refresh copy show help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__copy)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__help)
            opts="init refresh copy show help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__copy)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__refresh)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__help__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__init)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__refresh)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__geodb__subcmd__show)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group)
            opts="-c -f -h --config --format --help move status update list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__help)
            opts="move status update list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__move)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__help__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__list)
            opts="-c -f -h --site --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --site)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__move)
            opts="-c -f -h --direct --abort --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__status)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__group__subcmd__update)
            opts="-c -f -h --sticky-users --sticky-backend --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --sticky-users)
                    COMPREPLY=($(compgen -W "yes no" -- "${cur}"))
                    return 0
                    ;;
                --sticky-backend)
                    COMPREPLY=($(compgen -W "yes no" -- "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help)
            opts="tag site backend group user geodb localdb kick help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend)
            opts="add remove update evacuate status list force-move pin unpin"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__evacuate)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move)
            opts="start update stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__force__subcmd__move__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__pin)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__unpin)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__backend__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__geodb)
            opts="init refresh copy show"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__geodb__subcmd__copy)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__geodb__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__geodb__subcmd__refresh)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__geodb__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__group)
            opts="move status update list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__group__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__group__subcmd__move)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__group__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__group__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__kick)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb)
            opts="user group"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group)
            opts="status list remove"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__group__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user)
            opts="status list remove"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__localdb__subcmd__user__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site)
            opts="add remove update status list init force-move recover reachability"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move)
            opts="start update stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__force__subcmd__move__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__reachability)
            opts="list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__reachability__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__recover)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__site__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__tag)
            opts="create update delete list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__tag__subcmd__create)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__tag__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__tag__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__tag__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__user)
            opts="access delete move status list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__access)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__move)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__help__subcmd__user__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__kick)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb)
            opts="-c -f -h --config --format --help user group help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group)
            opts="-c -f -h --config --format --help status list remove help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help)
            opts="status list remove help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__list)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__remove)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__status)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help)
            opts="user group help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group)
            opts="status list remove"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__group__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user)
            opts="status list remove"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__help__subcmd__user__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user)
            opts="-c -f -h --config --format --help status list remove help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help)
            opts="status list remove help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__list)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__remove)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__status)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site)
            opts="-c -f -h --config --format --help add remove update status list init force-move recover reachability help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__add)
            opts="-c -f -h --id --tag --load-balancer --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --id)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tag)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --load-balancer)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move)
            opts="-c -f -h --config --format --help start update stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help)
            opts="start update stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__help__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__start)
            opts="-c -f -h --id --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --id)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__stop)
            opts="-c -f -h --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__update)
            opts="-c -f -h --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help)
            opts="add remove update status list init force-move recover reachability help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move)
            opts="start update stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__force__subcmd__move__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__reachability)
            opts="list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__reachability__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__recover)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__help__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__init)
            opts="-c -f -h --update --self --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__list)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__reachability)
            opts="-c -f -h --config --format --help list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__help)
            opts="list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__list)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__recover)
            opts="-c -f -h --id --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --id)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__remove)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__status)
            opts="-c -f -h --self --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__site__subcmd__update)
            opts="-c -f -h --status --load-balancer --reason --self --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --status)
                    COMPREPLY=($(compgen -W "online offline standby evacuate" -- "${cur}"))
                    return 0
                    ;;
                --load-balancer)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag)
            opts="-c -f -h --config --format --help create update delete remove list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__create)
            opts="-c -f -h --id --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --id)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__delete)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__help)
            opts="create update delete list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__create)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__help__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__list)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__tag__subcmd__update)
            opts="-c -f -h --name --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --name)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user)
            opts="-c -f -h --config --format --help access delete move status list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__access)
            opts="-u -A -F -i -c -f -h --listed --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                -u)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -F)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --listed)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__delete)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__help)
            opts="access delete move status list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__access)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__move)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__list)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__move)
            opts="-c -f -h --direct --abort --site --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --site)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__cluster__subcmd__user__subcmd__status)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__config)
            opts="-n -P -c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__explain)
            opts="-c -f -h --as-site --if-offline --tag --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --as-site)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --if-offline)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tag)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb)
            opts="-c -f -h --config --format --help init refresh copy show help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__copy)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__help)
            opts="init refresh copy show help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__help__subcmd__copy)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__help__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__help__subcmd__refresh)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__help__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__init)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__refresh)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__geodb__subcmd__show)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help)
            opts="run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__check__subcmd__config)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__check__subcmd__host)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__check__subcmd__sandbox)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster)
            opts="tag site backend group user geodb localdb kick"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend)
            opts="add remove update evacuate status list force-move pin unpin"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__evacuate)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move)
            opts="start update stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__force__subcmd__move__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__pin)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__unpin)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__backend__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__geodb)
            opts="init refresh copy show"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__geodb__subcmd__copy)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__geodb__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__geodb__subcmd__refresh)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__geodb__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__group)
            opts="move status update list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__group__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__group__subcmd__move)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__group__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__group__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__kick)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb)
            opts="user group"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group)
            opts="status list remove"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__group__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user)
            opts="status list remove"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__localdb__subcmd__user__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site)
            opts="add remove update status list init force-move recover reachability"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move)
            opts="start update stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__force__subcmd__move__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__reachability)
            opts="list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__reachability__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 6 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__recover)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__remove)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__site__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__tag)
            opts="create update delete list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__tag__subcmd__create)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__tag__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__tag__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__tag__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__user)
            opts="access delete move status list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__access)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__move)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__cluster__subcmd__user__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__config)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__explain)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__geodb)
            opts="init refresh copy show"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__geodb__subcmd__copy)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__geodb__subcmd__init)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__geodb__subcmd__refresh)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__geodb__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__import)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__kick)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__listener)
            opts="list drain resume"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__listener__subcmd__drain)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__listener__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__listener__subcmd__resume)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__reload)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__run)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__top)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__trace)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__help__subcmd__who)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__import)
            opts="-o -c -f -h --output --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__kick)
            opts="-a -c -f -h --backend --group --session --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                -a)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --backend)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --group)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --session)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener)
            opts="-c -f -h --config --format --help list drain resume help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener__subcmd__drain)
            opts="-c -f -h --all --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener__subcmd__help)
            opts="list drain resume help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener__subcmd__help__subcmd__drain)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener__subcmd__help__subcmd__resume)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener__subcmd__list)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__listener__subcmd__resume)
            opts="-c -f -h --all --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__reload)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__run)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__status)
            opts="-c -f -h --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__top)
            opts="-c -f -h --site --count --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --site)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --count)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__trace)
            opts="-c -f -h --seconds --bytes --reason --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --seconds)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --bytes)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hale__subcmd__who)
            opts="-1 -a -c -f -h --backend --group --config --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                -a)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --backend)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --group)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -W "flow pager tab table json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _hale -o nosort -o bashdefault -o default hale
else
    complete -F _hale -o bashdefault -o default hale
fi
